#!/usr/bin/env python3
"""Makes conversations with questions, in LoCoMo's layout, out of the scripts in talks.txt and slots.txt.

    bench/recall/make_conversations.py --conversations 24 --seed 1 > train.json

Everything in them was written for this project, so they may train what the product ships (train.py). They are dull:
what they have in common with real talk is what a ranker is to learn from. One knows who speaks, what was asked just
before, that an answer often does not repeat the question's words, that other talks are about the same things, that
"yesterday" is a date, and that people are asked about what somebody else has said.
"""
import argparse
import json
import random
import re
from datetime import datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
NAMES = ("Amira Benno Celia Dorian Elke Farid Greta Hugo Ines Jarek Kaja Lorenz Mina Nestor Odile Pavel Quentin Rosa "
         "Soren Tilda Umar Vera Wanda Xenia Yusuf Zora Bruno Hanna Igor Leonie Marek Nadia Oskar Petra Ruben Selma "
         "Tomas Ulla Viktor Wilma").split()
WHEN = ("yesterday;last night;last week;last {day};two days ago;this morning;on {day};a few days ago;last month;"
        "last weekend;the other day;recently;a couple of weeks ago;two weeks ago;three weeks ago;last year;"
        "the week before last;earlier this month").split(";")
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
OPENINGS = [
    ("Hey {b}! Long time no see, how are you?", "Hi {a}! I'm fine, thanks. Busy as always. And you?"),
    ("Hi {b}, good to hear from you!", "You too, {a}! What's going on in your life?"),
    ("{b}! I was just thinking of you.", "Haha, hello {a}. Only good things, I hope?"),
    ("Good morning {b}, did you sleep well?", "Like a stone, {a}. Coffee is already on."),
    ("Hello {b}! How has your week been?", "Pretty full, {a}, but I can't complain."),
]
CLOSINGS = [
    ("I have to run, {b}. Talk to you soon!", "Take care, {a}! It was great catching up."),
    ("Thanks for listening, {b}.", "Always, {a}. Say hi to everyone!"),
    ("Let's meet next week?", "Gladly. I'll call you, {a}."),
    ("Okay, dinner is ready here. Bye {b}!", "Enjoy your meal! See you, {a}."),
]
REACTIONS = ["That sounds wonderful, {b}!", "Wow, I'm impressed.", "I totally understand.", "Haha, that's so you, {b}.",
             "Thanks, {b}! I appreciate it.", "I know, right? It felt really good.", "Tell me more some day.",
             "That must have meant a lot to you.", "You always find something new, {b}.", "I'm really happy for you!"]

# People give a question back, begin with a name or a feeling, and show pictures.
RETURNED = ["What about you?", "How are things on your side?", "Have you ever done something like that?",
            "Do you know that feeling?", "What do you think, {b}?", "And how was your week, {b}?", "Isn't that great?"]
BEGINNINGS = ["Thanks, {b}! ", "Oh {b}, ", "Hey {b}! ", "Well, ", "Haha! ", "Yeah, ", "You know what? ", "Honestly, "]
PHOTOS = ["a photo of a table with {x} on it", "a photo of a person holding {x}", "a close up of {x}",
          "a photo of a sign that says {x}", "a photo of two people next to {x}"]
# Questions in the words of the answer: people remember how it was put.
LITERAL = ["What did {self} say about {words}?", "What was it with {self} and {words}?", "Did {self} mention {words}?",
           "What happened to {self} with {words}?", "Why did {self} talk about {words}?", "How did {self} like {words}?",
           "When did {self} tell of {words}?", "Where was {self} when it was about {words}?"]
COMMON = set("about after again almost also because been before could does every first from have haven't just last like "
             "little made make more most much never only really said some still such than that that's their them then "
             "there they they're think this those though three through told took very want wanted were what when where "
             "which while will with would year years your always another didn't don't into people even things".split())


def read_talks(path):
    talks, talk = [], None
    for line in path.read_text().splitlines():
        line = line.strip()
        if line.startswith("#"):
            continue
        if not line:
            talk = None
            continue
        if talk is None:
            talk = {"turns": [], "questions": []}
            talks.append(talk)
        if line.startswith("Q "):
            match = re.match(r"Q (\w+) (?:@(\w+) )?([a-z]+): (.*)", line)
            talk["questions"].append(match.groups())
        else:
            match = re.match(r"(?:([a-z]) )?([SP]): (.*?)(?: \[photo: (.*)\])?$", line)
            talk["turns"].append(match.groups())
    return talks


def read_slots(path):
    slots = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            name, values = line.split(":", 1)
            slots[name] = [value.strip().split("|") for value in values.split(";")]
    return slots


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.talks = read_talks(HERE / "talks.txt")
        self.slots = read_slots(HERE / "slots.txt")

    def conversation(self, number):
        draw = self.random
        pair = draw.sample(NAMES, 2)
        self.partner_of = {pair[0]: pair[1], pair[1]: pair[0]}
        time = datetime(draw.choice([2021, 2022, 2023]), draw.randint(1, 12), draw.randint(1, 28), draw.randint(7, 22),
                        draw.randint(0, 59))
        # Each talk may come from both, so that the same things are told by two people.
        tellings = [(talk, teller) for talk in self.talks for teller in (0, 1)]
        draw.shuffle(tellings)
        made = {"speaker_a": pair[0], "speaker_b": pair[1]}
        self.questions, self.groups = [], {}
        session = 0
        while tellings:
            session += 1
            time += timedelta(days=draw.choice([1, 2, 3, 5, 7, 9, 12, 16, 23]), hours=draw.randint(-5, 5))
            made[f"session_{session}_date_time"] = time.strftime("%-I:%M %p on %-d %B, %Y").replace("AM", "am").replace(
                "PM", "pm")
            made[f"session_{session}"] = self.session(session, tellings, pair, time)
        for (group, teller, text), evidence in self.groups.items():
            if len(evidence) > 1:
                self.ask(text, evidence, "list")
        return {"sample_id": f"made-{number}", "conversation": made, "qa": self.questions}

    def session(self, session, tellings, pair, time):
        draw = self.random
        self.turns, self.number = [], session
        first = draw.randint(0, 1)
        if draw.random() < 0.8:
            self.pair_of_turns(draw.choice(OPENINGS), pair, first)
        for _ in range(draw.choice([1, 2, 2, 3, 3, 4])):
            if not tellings:
                break
            self.talk(*tellings.pop(), pair, time)
        if draw.random() < 0.7:
            self.pair_of_turns(draw.choice(CLOSINGS), pair, draw.randint(0, 1))
        return self.turns

    def pair_of_turns(self, texts, pair, first):
        names = {"a": pair[first], "b": pair[1 - first]}
        self.add(pair[first], texts[0].format(**names))
        self.add(pair[1 - first], texts[1].format(**names))

    def add(self, speaker, text, photo=None):
        draw = self.random
        names = {"a": speaker, "b": self.partner_of[speaker]}
        if draw.random() < 0.2:
            text = draw.choice(BEGINNINGS).format(**names) + text
        if not text.endswith("?") and draw.random() < 0.3:
            text += " " + draw.choice(RETURNED).format(**names)
        if not photo and draw.random() < 0.12:
            words = self.words_of(text)
            photo = draw.choice(PHOTOS).format(x=" ".join(words[:2])) if words else None
        turn = {"speaker": speaker, "dia_id": f"D{self.number}:{len(self.turns) + 1}", "text": text[:1].upper() + text[1:]}
        if photo:
            turn["blip_caption"] = photo
        self.turns.append(turn)
        return turn["dia_id"]

    @staticmethod
    def words_of(text):
        return [word for word in re.findall(r"[A-Za-z'-]{4,}", text.lower()) if word not in COMMON]

    def literal(self, said, name):
        """A question with two to four words of what was said."""
        words = [word for word in self.words_of(said) if word not in (name.lower(),)]
        if len(words) < 2:
            return None
        count = min(len(words), self.random.choice([2, 2, 3, 4]))
        chosen = sorted(self.random.sample(range(len(words)), count))
        text = self.random.choice(LITERAL)
        return text.format(self=name, words=self.random.choice([" ", " and the "]).join(words[i] for i in chosen))

    def talk(self, talk, teller, pair, time):
        draw = self.random
        words = " ".join([text for _, _, text, _ in talk["turns"]] + [question[3] for question in talk["questions"]])
        # In order: a set of strings has another one in each process, and the draws would differ.
        used = sorted(set(re.findall(r"\{(\w+)\}", words)) & set(self.slots))
        values = {name: draw.choice(self.slots[name]) for name in used}
        month = time.strftime(draw.choice(["%B", "%B", "%B %Y", "the year %Y"]))
        names = {"self": pair[teller], "other": pair[1 - teller], "month": month}
        evidence = {}
        for letter, who, text, photo in talk["turns"]:
            said = {name: value[0] for name, value in values.items()}
            said.update(names)
            while "{when}" in text:
                text = text.replace("{when}", draw.choice(WHEN).format(day=draw.choice(DAYS)), 1)
            if who == "P" and draw.random() < 0.4:
                said["self"] = names["self"]
            text = text.format(**said)
            place = self.add(pair[teller if who == "S" else 1 - teller], text, photo)
            if letter:
                evidence[letter] = place
                if draw.random() < 0.35:
                    wrong = draw.random() < 0.2
                    question = self.literal(text, names["other" if wrong else "self"])
                    if question:
                        self.ask(question, [place], "wrong person" if wrong else "literal")
            if draw.random() < 0.15:
                speaker = 1 - teller if who == "S" else teller
                self.add(pair[speaker], draw.choice(REACTIONS).format(a=pair[speaker], b=pair[1 - speaker]))
        for kind, group, letters, text in talk["questions"]:
            asked = {name: draw.choice(value) for name, value in values.items()}
            asked.update(names)
            places = [evidence[letter] for letter in letters]
            if group:
                key = (group, teller, text.format(**asked))
                self.groups.setdefault(key, []).extend(places)
                continue
            if draw.random() < 0.3:
                continue
            misattributed = draw.random() < 0.2
            if misattributed:
                asked["self"], asked["other"] = asked["other"], asked["self"]
            text = text.format(**asked)
            if kind == "what" and draw.random() < 0.08:
                text = text.rstrip("?") + draw.choice([f" in {month}?", f" on {time.day} {time:%B}?", f" in {month}?"])
            self.ask(text, places, "wrong person" if misattributed else kind)

    def ask(self, text, evidence, category):
        self.questions.append({"question": text, "category": category, "evidence": sorted(set(evidence))})


def shortened(made, turns):
    """Its first sessions, until they have so many turns, and the questions that those answer."""
    conversation, count, session = made["conversation"], 0, 1
    while f"session_{session}" in conversation:
        if count >= turns:
            del conversation[f"session_{session}"], conversation[f"session_{session}_date_time"]
        else:
            count += len(conversation[f"session_{session}"])
            last = session
        session += 1
    made["qa"] = [question for question in made["qa"]
                  if all(int(place[1:].split(":")[0]) <= last for place in question["evidence"])]
    return made


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--conversations", type=int, default=24)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--turns", type=int, help="of each conversation no more sessions than have so many turns")
    given = arguments.parse_args()
    maker = Maker(given.seed)
    conversations = [maker.conversation(number) for number in range(1, given.conversations + 1)]
    if given.turns:
        conversations = [shortened(made, given.turns) for made in conversations]
    print(json.dumps(conversations, indent=1))


if __name__ == "__main__":
    main()
