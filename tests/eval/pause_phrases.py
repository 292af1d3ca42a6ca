"""What callers of a reception say to an open line; | is where they fall silent for a while.

Before > stands what the bot asked; the others answer its greeting.
"""

from __future__ import annotations

from dataclasses import dataclass

GREETING = "Hello, this is the clinic. How can I help you?"
ASKING = "Hello, this is the clinic. {}"

# said in one go: how long is the wait after them?
WHOLE: dict[str, list[str]] = {
    "question": [
        "What time do you open tomorrow?",
        "Where can I park?",
        "Do you take my insurance?",
        "Are you open on Saturday?",
        "How much does a visit cost?",
        "Can I come in today?",
        "Is Doctor Lopez there this afternoon?",
        "Do I need an appointment for that?",
        "When will my test results be ready?",
        "Which bus stops near you?",
        "How long do I have to wait?",
        "Can I pay by card?",
        "Do you have anything free next week?",
        "Who is on duty at the weekend?",
        "Could you tell me the address?",
        "Is it all right if I bring my daughter?",
        "Would Thursday at ten be possible?",
        "Have you received the letter from the hospital?",
    ],
    "short answer": [
        "Would Monday suit you? > Yes.",
        "Shall I send you a message? > No, thank you.",
        "Shall I book that for you? > Yes, please.",
        "Which day would you like? > On Monday.",
        "When can you come? > Tomorrow morning.",
        "At what time? > At half past nine.",
        "Is your number still the same? > That is right.",
        "I will put you through. > Okay.",
        "Is there anything else? > No, that is all.",
        "May I have your name? > Anna Miller.",
        "Which of the two do you mean? > The second one.",
        "Have you been here before? > I think so.",
    ],
    "request": [
        "I would like to make an appointment, please.",
        "Please send the results to my doctor.",
        "I need a new prescription for my tablets.",
        "Please cancel my appointment on Tuesday.",
        "I want to talk to a nurse.",
        "Could you call me back this afternoon, please?",
        "Please tell me your opening hours.",
        "Can you put me through to the front desk?",
        "I need to see a doctor today.",
        "Please give me the number of the pharmacy.",
        "I would like to change my address.",
        "Could you repeat that, please?",
        "I want to move my appointment to next week.",
        "Can you send me a copy of the letter?",
        "Let me speak to a person, please.",
    ],
    "statement": [
        "I have had a bad cough for two weeks.",
        "My son fell off his bike this morning.",
        "I am calling about my blood test.",
        "I have never been to your clinic before.",
        "The pharmacy says the prescription is missing.",
        "My appointment was at ten o'clock.",
        "I will be about ten minutes late.",
        "My mother is a patient of Doctor Chen.",
        "I lost the letter with the results.",
        "The pain got worse during the night.",
        "I can only come in the evening.",
        "My card has a new number.",
        "We moved here last month.",
        "I took the last tablet yesterday.",
        "Nobody answered the phone this morning.",
    ],
}

# said with one pause: is the caller let finish?
COMPLETE = "after a complete clause"  # nothing in the words tells that more is to come
PAUSED: dict[str, list[str]] = {
    "after a conjunction": [
        "I need an appointment and | a new prescription.",
        "I called yesterday but | nobody answered.",
        "I cannot come on Monday because | I have to work.",
        "Could I come on Thursday or | on Friday?",
        "I would like to know if | you are open on Sunday.",
        "My back hurts when | I get up in the morning.",
        "Please call me back and | tell me the results.",
        "My wife is ill so | I am calling for her.",
        "I was there last week but | the doctor was away.",
        "I take two tablets a day and | they do not help.",
        "I will wait until | you open in the morning.",
        "Is it cheaper if | I pay in cash?",
    ],
    "in mid-clause": [
        "I would like to | make an appointment.",
        "Can you tell me the | opening hours?",
        "I am calling about | my blood test.",
        "My name is | Peter Baker.",
        "I have an appointment with | Doctor Chen.",
        "Could you send the letter to | my new address?",
        "We would like to come at | half past ten.",
        "How do I get from the station to | your house?",
        "I have been waiting for | three weeks now.",
        "The doctor gave me some | tablets for the night.",
        "I want to | move my appointment.",
        "She was born in | nineteen eighty.",
        "Is it possible to | come without an appointment?",
        "I lost my | insurance card.",
        "My daughter has a very | high fever.",
        "Do you know whether the | pharmacy is open?",
    ],
    "after a hesitation": [
        "I need, um, | an appointment.",
        "It is about my, uh, | my blood test.",
        "On Tuesday, um, | at ten.",
        "Well, um, | I have a question.",
    ],
    "after an opening": [
        "When I called yesterday | nobody answered.",
        "If I come on Monday | can the doctor see me?",
        "Since last Friday | I have had a headache.",
        "After the operation | I could not sleep.",
        "As far as I know | it is paid by the insurance.",
        "Because of the snow | I will be late.",
        "The medicine that you gave me | does not help.",
        "The doctor I saw last time | was very kind.",
    ],
    COMPLETE: [
        "I would like an appointment | on Friday morning.",
        "I need a new prescription | for my blood pressure tablets.",
        "My son has a fever | and he has been coughing all night.",
        "Can I come in | on Monday afternoon?",
        "Do you have anything free | before the weekend?",
        "I want to cancel my appointment | because I have to work.",
        "My name is Anna Miller | and I am a new patient.",
        "Could you send me the results | by mail?",
        "I was at your clinic yesterday | and I forgot my umbrella.",
        "Is Doctor Chen there | on Saturdays?",
        "I have a question | about my bill.",
        "How much does it cost | without insurance?",
        "My back hurts | when I get up in the morning.",
        "I called last week | but nobody answered.",
        "Would Monday suit you? > Yes | that would be fine.",
        "Hello | I am calling about my blood test.",
        "I need to see a doctor | as soon as possible.",
        "Have you been here before? > No | I have never been there.",
        "We moved to Oak Street | last month.",
        "What are your opening hours | in August?",
    ],
}

# Written when the rules of bot/engine/completeness.py had been made on the texts above, with longer
# sentences and longer beginnings on purpose: rules that fit one list only show here. They did once:
# long statements counted as ends.
FRESH_WHOLE: dict[str, list[str]] = {
    "question": [
        "Are the doctors on holiday in July?",
        "May I bring my dog?",
        "What do I have to bring along?",
        "Where is the entrance?",
        "Could I speak to Mrs. Weber?",
        "How early should I be there?",
        "Did you get my message?",
        "Is the blood test covered by my insurance?",
    ],
    "short answer": [
        "Is it for yourself? > No, for my wife.",
        "Do you have a fever? > A little.",
        "How long have you had it? > About three days.",
        "Can you come at four? > Yes, I can.",
        "Which doctor do you see? > Doctor Weber.",
        "Shall I repeat that? > No.",
    ],
    "request": [
        "Please tell Doctor Chen that I called.",
        "I need a letter for my employer.",
        "Could somebody explain the bill to me?",
        "I want to register my daughter as a patient.",
        "Please connect me with the billing office.",
        "I would like to speak to somebody about my results.",
        "Send it to my home address, please.",
        "Can I have the first appointment in the morning?",
    ],
    "statement": [
        "I hurt my knee.",
        "The tablets make me sick.",
        "I had an operation in March and I need a new bandage.",
        "I am a bit late because of the traffic.",
        "There is a mistake in my bill.",
        "My husband cannot walk.",
        "We are on holiday until the end of August.",
        "Somebody from your office tried to call me.",
    ],
}
FRESH_PAUSED: dict[str, list[str]] = {
    "after a conjunction": [
        "I have been feeling dizzy since yesterday and | my head hurts.",
        "The nurse told me to come by today because | the results are there.",
        "I would rather come in the afternoon or | early in the evening.",
        "You can call me at home unless | it is after eight.",
    ],
    "in mid-clause": [
        "I was wondering whether I could | bring my mother along.",
        "My appointment is at | a quarter past two.",
        "He has been taking the | white tablets for a month.",
        "I think my daughter might have | a broken finger.",
        "Good morning, this is | Susan Hill.",
        "Would it be possible to get the results of my | blood test by mail?",
    ],
    "after a hesitation": [
        "I wanted to ask, um, | if you have my results.",
        "It started, uh, | last weekend.",
    ],
    "after an opening": [
        "If the doctor has no time on Monday morning | I can come later.",
        "Even though I took all the tablets | I still have a fever.",
        "The last time I was at your clinic | I waited for two hours.",
    ],
    COMPLETE: [
        "Good morning, my name is Peter Baker | and I have an appointment on Friday.",
        "I was told to call you back this week | about my results.",
        "My daughter has had a high fever since yesterday | and she does not drink.",
        "I would like to book an appointment with Doctor Lopez | for a check-up.",
        "I have been waiting at the pharmacy for an hour | and they have no prescription.",
        "Can you tell me if the doctor is in | or if he is on holiday?",
        "I need help | with the form.",
        "Do you still have my old address | or the new one?",
    ],
}


@dataclass(frozen=True)
class Dictated:
    """Something dictated in groups."""

    text: str  # | between the groups
    question: str  # of the bot, when it asks for it
    lead: str = ""  # how the caller begins when it does not


ASK_NUMBER = "Hello, this is the clinic. What is your phone number?"
ASK_MAIL = "Hello, this is the clinic. What is your e-mail address?"
ASK_DATE = "Hello, this is the clinic. What is your date of birth?"
ASK_NAME = "Hello, this is the clinic. Please spell your last name."
NUMBERS = [
    ("five five five | zero one three | four four seven nine", "My number is"),
    ("two one two | five five five | zero one nine eight", "You can call me back on"),
    ("four oh seven | three six two | eight eight one five", "My phone number is"),
    ("six one nine | five five | zero one | two seven six", ""),
    ("seven seven three | five five five | zero one four two", "Please call me on"),
    ("nine one six | two four | eight zero | three five one", "It is"),
    ("three oh five | double five five | zero one six six", "My mobile number is"),
    ("eight one eight | nine four two | seven three six zero", ""),
    ("oh one | seven nine | four six | three two | eight five", "My number is"),
    ("five one two | four zero zero | one nine two eight", "I am calling from"),
    ("four one five | seven seven | three three | nine zero two", "The number is"),
    ("two zero six | five eight one | six four | two nine", "You can reach me at"),
]
MAILS = [
    ("anna dot miller | at example dot com", "My e-mail address is"),
    ("peter baker | at | mail dot org", "Please write to me, my e-mail is"),
    ("john | dot smith | at example | dot net", "My mail address is"),
    ("info | at green garden | dot com", "The e-mail address is"),
    ("mary jones nine | at example dot org", "You can send it by e-mail to"),
    ("susan | underscore hill | at mail dot com", "My e-mail is"),
]
DATES = [
    ("the fourth of July | nineteen eighty two", "I was born on"),
    ("March | the twelfth | nineteen seventy five", "My date of birth is"),
    ("May twenty first | two thousand and three", "He was born on"),
    ("the thirtieth | of October | nineteen sixty eight", "My birthday is"),
    ("January the ninth | nineteen ninety one", "She was born on"),
    ("the second of | December | two thousand and ten", "My date of birth is"),
]
NAMES = [
    ("M I L | L E R", "My name is Miller, that is spelled"),
    ("B A K | E R", "My name is Baker,"),
    ("S C H | M I | D T", "My last name is spelled"),
    ("W E B | S T E R", "The name is Webster, I spell,"),
    ("L O P | E Z", "My name is Lopez,"),
    ("H A R | R I S | O N", "My name is Harrison, spelled"),
]
DICTATED: dict[str, list[Dictated]] = {
    group: [Dictated(text, question, lead) for text, lead in texts]
    for group, question, texts in (
        ("number", ASK_NUMBER, NUMBERS),
        ("mail", ASK_MAIL, MAILS),
        ("date", ASK_DATE, DATES),
        ("name", ASK_NAME, NAMES),
    )
}
