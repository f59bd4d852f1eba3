"""A process that labels until it is killed, and writes down what it was promised.

    python -m tests.label.clients RECORDINGS PERSON DIARY

Every line of the diary is a client key whose answer was confirmed, with the clip.
"""

import os
import sys
import uuid
from pathlib import Path

from skal.label import LabelingProject


def main(recordings, person, diary):
    """Answer until nothing is left; an answer whose confirmation is missing is sent again."""
    unconfirmed = diary + ".unconfirmed"
    project = LabelingProject(recordings).open(scan=False)
    with open(diary, "a", buffering=1) as confirmed:
        if os.path.exists(unconfirmed):
            question_id, clip_id, key = Path(unconfirmed).read_text().split()
            _send(project, person, int(question_id), int(clip_id), key, confirmed)
        while (question := project.next(person)) is not None:
            key = uuid.uuid4().hex
            with open(unconfirmed + ".new", "w") as file:
                file.write(f"{question.question_id} {question.clip_id} {key}")
            os.replace(unconfirmed + ".new", unconfirmed)
            _send(project, person, question.question_id, question.clip_id, key, confirmed)


def _send(project, person, question_id, clip_id, key, confirmed):
    label = ("low", "high")[clip_id % 2]
    project.answer(question_id, person, "label", label, 0.5, key)
    confirmed.write(f"{key} {clip_id}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
