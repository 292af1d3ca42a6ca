"""What callers of the evaluation say: interruptions, back-channels, ordinary sentences."""

from __future__ import annotations

INTERRUPTIONS: dict[str, list[str]] = {
    "question": [
        "What about Saturday?",
        "How much does it cost?",
        "Is there parking near the house?",
        "Can I come without an appointment?",
        "Where exactly is that?",
        "Do you also see children?",
        "What time did you say?",
        "Who is the doctor on duty?",
        "Could you repeat the address?",
        "Which bus goes there?",
        "Why is it closed on Sunday?",
        "Do I need to bring anything?",
    ],
    "correction": [
        "No, I meant Tuesday.",
        "That is not what I asked.",
        "No, not tomorrow, next week.",
        "Actually, my name is Miller.",
        "I said the other clinic.",
        "No, it was in March.",
        "You got the number wrong.",
        "Not me, my daughter.",
        "I asked about the price.",
        "No, the address has changed.",
        "That is the wrong department.",
        "I think you misunderstood me.",
    ],
    "stop word": [
        "Stop.",
        "Wait.",
        "Stop, please.",
        "Wait a minute.",
        "Hold on.",
        "Hold on a second.",
        "Hang on.",
        "Excuse me.",
        "Excuse me, please.",
        "One moment, please.",
        "Just a second.",
        "No, wait.",
        "Wait, wait.",
        "Stop talking, please.",
        "Sorry, wait a moment.",
        "Listen, please.",
    ],
    "request": [
        "Please say that again.",
        "Please speak more slowly.",
        "Give me the phone number instead.",
        "Put me through to a nurse.",
        "Let me talk to a person.",
        "Tell me the price first.",
        "Go back to the beginning.",
        "Send me a message with that.",
        "Let me write that down.",
        "Please cancel my appointment.",
        "Tell me about the parking.",
        "Skip this part, please.",
    ],
    "sentence": [
        "I would like to book an appointment for my son.",
        "I have been waiting for two weeks now.",
        "My back has been hurting since last Friday.",
        "The doctor told me to call again today.",
        "We moved to another part of the city.",
        "I have my insurance card with me.",
        "My mother is a patient of yours.",
        "I lost the letter with the results.",
        "There was nobody at the desk yesterday.",
        "I already know the opening hours.",
        "The medicine does not help at all.",
        "I can only come in the evening.",
    ],
}
STOP_WORDS = "stop word"

# spoken, phonemes for Piper, phonemes for espeak-ng; where empty, the text is read as it stands
BACK_CHANNELS: list[tuple[str, str, str]] = [
    ("mhm", "[[m̩hˈm̩]]", "[[m'hm]]"),
    ("mm-hmm", "[[m̩ːhˈm̩ː]]", "[[m:h'm:]]"),
    ("uh-huh", "[[ʌhˈʌ]]", "[[V'hV]]"),
    ("hm", "[[hm̩ː]]", "[[hm:]]"),
    ("Yeah.", "", ""),
    ("Yes.", "", ""),
    ("Okay.", "", ""),
    ("Right.", "", ""),
    ("I see.", "", ""),
    ("Sure.", "", ""),
    ("Okay, okay.", "", ""),
    ("Yeah, right.", "", ""),
    ("Ah, I see.", "", ""),
    ("Got it.", "", ""),
]

QUESTION = "What time do you open tomorrow?"
GREETING = "Hello, this is the clinic."
REPLIES = [
    "We open at eight from Monday to Friday and close at six in the evening. On Saturday we are "
    "here from nine to noon, and on Sunday we are closed. The phone is answered from half past "
    "seven on, and in the lunch break a nurse takes the calls. The pharmacy next door stays open "
    "until eight every day.",
    "Tomorrow the doctors are in the house from eight in the morning until four in the afternoon. "
    "Please bring your insurance card and a list of the medicine you take. If you have to leave "
    "early, tell the colleague at the desk, and she will see to it that you are called first. "
    "Children are seen before noon.",
    "You find us on the second floor of the red building behind the station. The bus stops at the "
    "door every ten minutes, and there is a small car park for patients in the yard. With a "
    "wheelchair you take the lift on the left side of the entrance. Somebody at the desk will "
    "gladly show you the way.",
    "An ordinary visit takes about twenty minutes and costs nothing when you are insured. Without "
    "insurance it is forty dollars, which you may pay in cash or by card. A letter for your "
    "employer is included, and so is a second talk by telephone within the next two weeks. Blood "
    "tests are paid for apart.",
]
BABBLE = [text for texts in INTERRUPTIONS.values() for text in texts if len(text) > 30]
