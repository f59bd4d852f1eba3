"""Rounds: the same questions as in a script, and a campaign that survives whatever happens."""

import numpy as np
import pytest
import soundfile
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearningClassifier
from skal.audio import LogMelSpectrogram
from skal.label import LabelingProject, ProjectError, Trainer
from skal.label.learning.defaults import describe_hearing
from skal.label.store.settings import read_settings
from skal.label.store.training_rounds import list_rounds
from skal.recognizer import Recognizer
from skal.strategies import BatchBALD, CoreSet, EntropySampling, MarginSampling, MaxHerding
from tests.label.recordings import answer_next, train, write_tones

CLASSES = ("high", "low", "middle")


def pipeline(model=None):
    features = LogMelSpectrogram(sr=8000, n_fft=512, hop_length=200, duration=0.2, flatten=True)
    model = LogisticRegression(max_iter=300) if model is None else model
    return make_pipeline(features, StandardScaler(), model)


@pytest.fixture
def sounds(tmp_path):
    """Return a folder of 60 tones of three classes, and the class of each."""
    truth = write_tones(tmp_path / "sounds", 60, CLASSES)
    return tmp_path / "sounds", truth


def make_project(sounds, **given):
    given = {
        "estimator": pipeline(),
        "n_instances": 4,
        "audit_share": 0.0,
        "random_state": 5,
    } | given
    return LabelingProject(sounds[0], CLASSES, **given)


def names_asked(project, truth, n):
    return answer_next(project, "ann", truth, n)


@pytest.mark.parametrize(
    "strategy", [MarginSampling(), EntropySampling(), CoreSet(), None], ids=lambda s: repr(s)[:8]
)
def test_a_project_asks_what_a_script_asks(sounds, strategy):
    folder, truth = sounds
    paths = [str(folder / name) for name in sorted(truth)]
    y = np.array([truth[name] for name in sorted(truth)], dtype=object)
    parameters = {"n_instances": 4, "classes": CLASSES, "random_state": 5}

    def script():
        return ActiveLearningClassifier(
            pipeline(), strategy, initial_strategy=MaxHerding(), budget=None, **parameters
        )

    with make_project(sounds, strategy=strategy) as project:
        assert train(project) is None
        first = names_asked(project, truth, 9)
        nothing = np.full(60, None, dtype=object)
        campaign = script().fit(paths, nothing)
        assert [paths[i] for i in campaign.query(n_instances=4)] == [
            str(folder / name) for name in first[:4]
        ]
        assert train(project) == 0
        partial = np.full(60, None, dtype=object)
        for name in first:
            partial[int(name[:4])] = truth[name]
        campaign = script().fit(paths, partial)
        for number in range(1, 6):
            expected = campaign.query()
            asked = names_asked(project, truth, 4)
            assert [int(name[:4]) for name in asked] == expected.tolist()
            campaign.teach(indices=expected, y=y[expected])
            if number == 3:  # the process ends; another one goes on
                project.close()
                project.open()
            assert train(project) == number
        model = Recognizer.load(project.model_path()).model
        np.testing.assert_array_equal(model.predict_proba(paths), campaign.predict_proba(paths))


def test_answers_of_all_kinds_are_what_a_script_is_told(sounds):
    folder, truth = sounds
    paths = [str(folder / name) for name in sorted(truth)]
    with make_project(sounds) as project:
        train(project)
        first = names_asked(project, truth, 9)
        train(project)
        partial = np.full(60, None, dtype=object)
        for name in first:
            partial[int(name[:4])] = truth[name]
        campaign = ActiveLearningClassifier(
            pipeline(), n_instances=4, budget=None, classes=CLASSES, random_state=5
        ).fit(paths, partial)
        for _ in range(3):
            expected = campaign.query()
            told = []
            for position in expected:
                question = project.next("ann")
                assert question.clip_id == position
                label = truth[question.name] if len(told) != 1 else None
                kind = "label" if label else ("unsure", "bad")[position % 2]
                project.answer(question.question_id, "ann", kind, label)
                told.append(label)
            campaign.teach(indices=expected, y=told)
            assert train(project) is not None


def test_training_waits_for_labels_of_each_class(sounds):
    _, truth = sounds
    with make_project(sounds, initial_strategy=None) as project:
        for label in ["low", "low", "high", "high", "middle"]:
            clip = next(i for i, name in enumerate(sorted(truth)) if truth[name] == label)
            while project.clip(clip).name in {row.path for row in project.labels()}:
                clip += len(CLASSES)
            project.relabel(clip, "ann", "label", label)
            assert train(project) is None
        assert project.model_path() is None
        assert project.progress().training.status == "waiting"
        project.relabel(59 if truth["0059.wav"] == "middle" else 56, "ann", "label", "middle")
        assert train(project) == 0
        assert train(project) is None  # nothing new
        assert project.progress().training.status == "idle"


def test_the_first_choice_goes_on_until_there_is_a_model(sounds):
    folder, _ = sounds
    asked = []
    with make_project(sounds, n_instances=2) as project:
        while (question := _next_after_training(project, len(asked))) is not None:
            assert question.reason == "initial"
            asked.append(question.name)
            project.answer(question.question_id, "ann", "unsure")
    assert len(set(asked)) == 60
    # The choice is that of a single herding, made piece by piece.
    campaign = ActiveLearningClassifier(
        pipeline(), initial_strategy=MaxHerding(), budget=None, classes=CLASSES, random_state=5
    ).fit([str(path) for path in sorted(folder.glob("*.wav"))], np.full(60, None, dtype=object))
    expected = campaign.query(n_instances=30).tolist()
    assert [int(name[:4]) for name in asked[:30]] == expected


def _next_after_training(project, n_asked):
    if n_asked % 3 == 0:
        assert train(project) is None
    return project.next("ann")


def test_a_few_clips_that_are_all_labeled_train_a_model(tmp_path):
    truth = write_tones(tmp_path / "sounds", 5, CLASSES)
    for path in list(truth)[3:]:
        (tmp_path / "sounds" / path).unlink()
    with make_project((tmp_path / "sounds", truth), initial_strategy=None) as project:
        names_asked(project, truth, 2)
        assert train(project) is None  # one is open
        names_asked(project, truth, 1)
        assert train(project) == 0 and train(project) is None
        assert project.model_path() is not None


def test_one_class_alone_trains_nothing(sounds):
    with make_project(sounds) as project:
        for clip in range(20):
            project.relabel(clip, "ann", "label", "low")
        assert train(project) is None
        project.relabel(30, "ann", "label", "high")
        assert train(project) == 0


def test_changed_labels_are_learned(sounds):
    folder, truth = sounds
    paths = [str(folder / name) for name in sorted(truth)]
    with make_project(sounds) as project:
        train(project)
        names_asked(project, truth, 12)
        train(project)
        # All labels of two classes were mixed up.
        swap = {"low": "high", "high": "low", "middle": "middle"}
        for row in project.labels():
            project.relabel(row.clip_id, "ann", "label", swap[row.label])
        names_asked(project, {name: swap[label] for name, label in truth.items()}, 8)
        assert train(project) == 1
        predicted = Recognizer.load(project.model_path()).model.predict(paths)
        right = [swap[truth[name]] for name in sorted(truth)] == predicted
        assert np.mean(right) > 0.8
        before = project.model_path().read_bytes()
        project.undo("ann")
        assert train(project) == 2
        assert list_rounds(project.store)[-1].n_labels == 19
        assert project.model_path(round=1).read_bytes() == before


def test_a_class_that_is_added_is_learned(sounds):
    _, truth = sounds
    with make_project(sounds) as project:
        train(project)
        names_asked(project, truth, 12)
        train(project)
        project.add_class("silence")
        for row in project.labels()[:3]:
            project.relabel(row.clip_id, "ann", "label", "silence")
        assert train(project) == 1
        assert "silence" in Recognizer.load(project.model_path()).model.classes_


def test_new_recordings_join_the_pool(sounds):
    folder, truth = sounds
    with make_project(sounds) as project:
        train(project)
        names_asked(project, truth, 12)
        train(project)
    truth |= write_tones(folder / "later", 20, CLASSES, random_state=1)
    (folder / "later" / "0000.wav").write_bytes(b"broken")
    with project:
        project.relabel(50, "bob", "label", truth["0050.wav"])
        assert train(project) == 1
        assert [name for name, _ in project.problems()] == ["later/0000.wav"]
        later = {question.name for question in drain(project)}
        assert sum(name.startswith("later/") for name in later) == 19


def drain(project):
    asked = []
    while (question := project.next("bob")) is not None:
        asked.append(question)
        project.answer(question.question_id, "bob", "skip")
    return asked


def test_audits_are_guessed_before_they_are_asked(sounds):
    _, truth = sounds
    with make_project(sounds, audit_share=0.5) as project:
        train(project)
        names_asked(project, truth, 12)
        train(project)
        while names_asked(project, truth, 4):
            train(project)
        progress = project.progress()
        assert progress.n_labeled == 60
        audits = [answer for answer in project.answers() if answer.reason == "audit"]
        assert progress.estimate.n == len(audits) > 10
        assert progress.estimate.accuracy > 0.7
        assert [point[0] for point in progress.curve] == sorted(
            point[0] for point in progress.curve
        )
        assert progress.labels_saved == 0
        kappas = [row.record["agreement"] for row in list_rounds(project.store)]
        assert kappas[0] is None
        assert all(-1 <= kappa <= 1 for kappa in kappas[1:])


def test_only_the_last_models_are_kept(sounds):
    _, truth = sounds
    with make_project(sounds) as project:
        train(project)
        names_asked(project, truth, 9)
        while train(project) is not None:
            names_asked(project, truth, 4)
        files = sorted(path.name for path in (project.folder / "models").glob("*.skal"))
        last = list_rounds(project.store)[-1].id
        assert files == [f"round-{number:04d}.skal" for number in range(last - 4, last + 1)]
        assert project.model_path(round=0) is None
        assert project.model_path().name == files[-1]
        assert len(list((project.folder / "campaign").iterdir())) == 1


class Moody(LogisticRegression):
    """Fails when told to."""

    fails = False

    def fit(self, X, y):
        if Moody.fails:
            raise FloatingPointError("a bad day")
        return super().fit(X, y)


def test_a_round_that_fails_is_written_down_and_made_up_for(sounds, monkeypatch):
    _, truth = sounds
    with make_project(sounds, estimator=pipeline(Moody(max_iter=300))) as project:
        train(project)
        names_asked(project, truth, 9)
        assert train(project) == 0
        asked = names_asked(project, truth, 4)
        monkeypatch.setattr(Moody, "fails", True)
        with pytest.raises(FloatingPointError):
            train(project)
        training = project.progress().training
        assert (training.status, training.round) == ("failed", 1)
        assert "a bad day" in training.message
        assert project.next("ann") is not None
        monkeypatch.setattr(Moody, "fails", False)
        assert train(project) == 2
        assert project.progress().training.status == "idle"
        assert {row.path for row in project.labels()} >= set(asked)


@pytest.mark.parametrize("place", ["rank", "agreement_with_last", "expect"])
def test_killed_between_training_and_writing_down(sounds, monkeypatch, place):
    folder, truth = sounds
    orders = []
    for name, killed in (("a", False), ("b", True)):
        with make_project(sounds, folder=folder / name) as project:
            train(project)
            names_asked(project, truth, 9)
            train(project)
            names_asked(project, truth, 4)
        with project:
            if killed:
                with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
                    patch.setattr(f"skal.label.learning.trainer.{place}", stop)
                    train(project)
                assert project.progress().training.status == "failed"
                project.close()
                project.open()
            assert train(project) is not None
            orders.append(names_asked(project, truth, 4))
            assert list_rounds(project.store)[-1].n_labels == 13
    assert orders[0] == orders[1]


def stop(*args):
    raise KeyboardInterrupt


def test_one_process_trains(sounds):
    with make_project(sounds) as project, Trainer(project).hold():
        with pytest.raises(ProjectError, match="is training") as caught:
            train(make_project(sounds).open())
        assert caught.value.code == "locked"


def test_a_classifier_alone_gets_features(sounds):
    folder, truth = sounds
    paths = [str(folder / name) for name in sorted(truth)]
    with make_project(sounds, estimator=LogisticRegression(max_iter=300)) as project:
        train(project)
        names_asked(project, truth, 15)
        train(project)
        model = Recognizer.load(project.model_path()).model
        assert model.steps[0][1].get_params()["sr"] == 8000
        assert model.steps[0][1].get_params()["duration"] == pytest.approx(0.2, abs=0.11)
        right = model.predict(paths) == [truth[name] for name in sorted(truth)]
        assert right.mean() > 0.8


def test_windows_are_learned_and_predicted_by_their_addresses(tmp_path):
    truth = write_tones(tmp_path, 12, CLASSES, duration=0.6)
    given = {"window": 0.3, "estimator": pipeline(), "n_instances": 4}
    with LabelingProject(tmp_path, CLASSES, **given) as project:
        train(project)
        names_asked(project, truth, 12)
        assert train(project) == 0
        model = Recognizer.load(project.model_path())
        right = [
            model.predict([f"{tmp_path / name}#t=0.3,0.6"])[0] == truth[name] for name in truth
        ]
        assert np.mean(right) > 0.7
        assert (model.window, model.hop) == (0.3, None)


@pytest.mark.slow
def test_a_network_learns_real_recordings(fsdd_home, tmp_path):
    for path in sorted((fsdd_home / "recordings").glob("[0-2]_*.wav"))[::6]:
        (tmp_path / path.name).symlink_to(path)
    with LabelingProject(tmp_path, "012", n_instances=20, random_state=0) as project:
        train(project)
        truth = {path.name: path.name[0] for path in tmp_path.glob("*.wav")}
        for _ in range(4):
            names_asked(project, truth, 20)
            train(project)
        paths = sorted(str(path) for path in tmp_path.glob("*.wav"))
        model = Recognizer.load(project.model_path()).model
        right = model.predict(paths) == [truth[path.rsplit("/", 1)[-1]] for path in paths]
        assert right.mean() > 0.8
        assert len(project.labels()) == 80


def test_batch_strategies_rank_beyond_their_batch(sounds):
    # A strategy that chooses a batch as a whole must not choose differently because of the list.
    _, truth = sounds
    with make_project(
        sounds, strategy=BatchBALD(), estimator=pipeline(RandomForestClassifier(10))
    ) as project:
        train(project)
        names_asked(project, truth, 9)
        trainer = Trainer(project)
        trainer.train()
        chosen = trainer._campaign.classifier.query(n_instances=4)
        assert [int(name[:4]) for name in names_asked(project, truth, 4)] == chosen.tolist()


@pytest.mark.parametrize(
    ("rate", "length", "expected"), [(256_000, 0.25, (256_000, 0.25)), (8000, 0.349, (8000, 0.35))]
)
def test_the_default_features_follow_the_recordings(tmp_path, rate, length, expected):
    rng = np.random.default_rng(0)
    for i in range(4):
        soundfile.write(tmp_path / f"{i}.wav", 0.1 * rng.normal(size=round(rate * length)), rate)
    with LabelingProject(tmp_path, ["a", "b"]) as project:
        lines = describe_hearing(project)
        assert lines == [f"the model uses 0 to {rate / 2:g} Hz and {expected[1]:g} s of a clip"]
        with project.store.read() as connection:
            found = read_settings(connection)["features"]
        assert (found["sr"], found["duration"]) == expected


def test_headers_are_read_once_for_a_project(tmp_path, monkeypatch):
    write_tones(tmp_path, 4, duration=1.0)
    with LabelingProject(tmp_path, ["low", "high"]) as project:
        before = describe_hearing(project)

    def refuse(path):
        raise AssertionError("a recording was opened")

    monkeypatch.setattr("skal.label.learning.defaults.open_sound", refuse)
    with LabelingProject(tmp_path) as project:
        assert describe_hearing(project) == before
    with (
        LabelingProject(tmp_path, window=0.5) as project,
        pytest.raises(AssertionError, match="was opened"),
    ):
        describe_hearing(project)


def test_what_is_not_looked_at_is_said(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(4):
        soundfile.write(tmp_path / f"{i}.wav", 0.1 * rng.normal(size=8000 * 12), 8000)
    with LabelingProject(tmp_path, ["a", "b"], hearing={"sr": 4000, "fmin": 100}) as project:
        lines = describe_hearing(project)
        assert lines[0] == "the model uses 100 to 2000 Hz and 10 s of a clip"
        assert "4 of 4 clips reach beyond 2000 Hz" in lines[1]
        assert "4 of 4 clips are longer than 10 s" in lines[2]
        assert "--window" in lines[2]
    with LabelingProject(tmp_path) as project:
        assert project.settings["hearing"] == {"sr": 4000, "fmin": 100}
    with LabelingProject(tmp_path, hearing={"duration": 12.0}) as project:
        assert describe_hearing(project) == ["the model uses 0 to 4000 Hz and 12 s of a clip"]
    with pytest.raises(ProjectError, match="hearing must be"):
        LabelingProject(tmp_path, hearing={"fmin": 5000, "fmax": 400}).open()


def test_a_project_without_answers_changes_its_window(tmp_path):
    write_tones(tmp_path, 4, duration=1.0)
    with LabelingProject(tmp_path, ["low", "high"]) as project:
        project.next("ann")
    with LabelingProject(tmp_path, window=0.5) as project:
        assert project.progress().n_clips == 8
        question = project.next("ann")
        assert question.end - question.start == 0.5
        project.answer(question.question_id, "ann", "label", "low")
    with pytest.raises(ProjectError, match=r"has answers for window=0\.5"):
        LabelingProject(tmp_path, window=0.25).open()


def test_a_damaged_checkpoint_is_told_and_a_new_model_is_trained(sounds):
    _, truth = sounds
    with make_project(sounds) as project:
        train(project)
        names_asked(project, truth, 9)
        assert train(project) == 0
        path = project.folder / "campaign" / "0000" / "campaign.skal"
        path.write_bytes(path.read_bytes()[:-1])
        names_asked(project, truth, 9)
        with pytest.warns(UserWarning, match=r"new model is trained.*campaign\.skal is damaged"):
            assert Trainer(project).train() == 1  # as after a restart
        assert len(project.labels()) == 18
