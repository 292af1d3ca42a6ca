"""An interview's score on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.cli_text import counted, plain
from bot.store.interviews import Answer, Interview, Interviews


def print_interview(interview: Interview, out: Console) -> None:
    """The sum, then a line for each question of the bank."""
    out.print()
    out.print(Text.assemble(("interview", "bold"), f"  {sum_line(interview)}"))
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right")
    for _ in range(4):
        table.add_column()
    for each in interview.answers:
        hint = Text("hint" if each.hinted else "", "yellow")
        style = "" if each.asked else "dim"
        table.add_row(
            str(each.question), points(each), hint, plain(each.ask, style), ideas(each), style=style
        )
    out.print(table)


def sum_line(interview: Interview) -> str:
    return (
        f"{interview.points} of {counted(interview.expected, 'point')}, "
        f"{interview.asked} of {counted(interview.questions, 'question')} asked, "
        f"{counted(interview.hints, 'hint')}"
    )


def points(answer: Answer) -> str:
    if not answer.asked:
        return "not asked"
    return f"{answer.points} of {answer.expected}" if answer.expected else "no points"


def ideas(answer: Answer) -> Text:
    return plain(", ".join(answer.touched), "green")


def interviews_line(interviews: Interviews) -> str:
    """All interviews of a report in one line."""
    return (
        f"{counted(interviews.calls, 'interview')}: {interviews.points} of "
        f"{counted(interviews.expected, 'point')}, {counted(interviews.asked, 'question')} asked, "
        f"{counted(interviews.hints, 'hint')}"
    )
