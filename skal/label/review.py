"""Methods of a project to review, undo and correct answers."""

import time

from skal.label.asking import answers, current_answers
from skal.label.asking.values import check_id, check_person

__all__ = ["Review"]


class Review:
    """Methods of `skal.label.LabelingProject` to review answers; they use its `store`."""

    def votes(
        self, *, person=None, label=None, kind=None, disagrees=False, before=None, limit=None
    ):
        """Return the current answers: one for each clip and person, newest first.

        Parameters
        ----------
        person : str, default=None
            Only answers of this person.
        label : str, default=None
            Only answers with this class.
        kind : {"label", "skip", "unsure", "bad"}, default=None
            Only answers of this kind.
        disagrees : bool, default=False
            Only labels that contradict the newest model or the model before the answer.
        before : int, default=None
            Only answers with a smaller number, such as the last answer of the previous page.
        limit : int, default=None
            At most this number of answers.

        Returns
        -------
        list of Vote
        """
        chosen = {"person": person, "label": label, "kind": kind, "disagrees": disagrees}
        with self.store.read() as connection:
            return current_answers.list_votes(connection, **chosen, before=before, limit=limit)

    @property
    def people(self):
        """Return who has answered, a tuple of str."""
        with self.store.read() as connection:
            return current_answers.list_people(connection)

    def correct(self, answer_id, person, kind, label=None):
        """Correct a current answer of any person.

        The former answer stays on record and counts again if the correction is undone.

        Parameters
        ----------
        answer_id : int
            The answer to correct, as in `votes`.
        person : str
            Name of the person who corrects it.
        kind, label : str
            As in `answer`.

        Returns
        -------
        AnswerReceipt

        Raises
        ------
        ProjectError
            With code "superseded" if the answer has been taken back or corrected in the meantime;
            "unknown_class", "bad_answer" or "disk_full". Then nothing is stored.
        """
        person = check_person(person)
        answer_id = check_id(answer_id, "bad_answer", "answer")
        with self.store.write() as connection:
            return answers.correct_answer(connection, answer_id, person, kind, label, time.time())

    def undo(self, person):
        """Take back a person's last answer.

        Parameters
        ----------
        person : str
            Name of the person.

        Returns
        -------
        Question or None
            The clip's question, with the answer in `taken_back`. None if there is nothing to take
            back, or if the clip is unreadable now.
        """
        person = check_person(person)
        with self.store.write() as connection:
            lease = self.settings["lease"]
            number, said = answers.take_back(connection, person, time.time(), lease)
        return None if number is None else self._question(number, said)

    def relabel(self, clip_id, person, kind, label=None):
        """Replace a person's answer about a clip, or add one; earlier answers stay on record.

        Parameters
        ----------
        clip_id : int
            The clip.
        person, kind, label : str
            As in `answer`.

        Returns
        -------
        AnswerReceipt
        """
        person = check_person(person)
        clip_id = check_id(clip_id, "unknown_clip", "clip")
        with self.store.write() as connection:
            return answers.change_label(connection, clip_id, person, kind, label, time.time())
