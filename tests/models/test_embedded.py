"""The classifier behind an embedding: its penalty, what rows it sees, its probabilities."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.utils.estimator_checks import parametrize_with_checks

from skal import ActiveLearningClassifier
from skal.models import ActivationRoot, LogisticHead, make_embedding_classifier
from skal.models.embedded import _losses


@parametrize_with_checks([LogisticHead(), ActivationRoot()])
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b", "c"], 20)
    X = rng.normal(size=(60, 5)) + 2 * np.eye(5)[np.repeat([0, 1, 2], 20)]
    return X, y


def _minimum(X, y, strength, weights):
    """Minimize mean loss + |w|^2 / (2 strength n_features) with a solver of another kind."""
    classes, codes = np.unique(y, return_inverse=True)

    def loss(flat):
        w = flat.reshape(len(classes), -1)
        scores = X @ w[:, :-1].T + w[:, -1]
        scores -= scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        mean = -(weights * logs[np.arange(len(X)), codes]).sum() / weights.sum()
        return mean + (w[:, :-1] ** 2).sum() / (2 * strength * X.shape[1])

    found = minimize(loss, np.zeros(len(classes) * (X.shape[1] + 1)), method="BFGS", tol=1e-9)
    return found.x.reshape(len(classes), -1)[:, :-1]


@pytest.mark.parametrize("weighted", [False, True])
def test_the_penalty_is_added_to_the_mean_loss(rows, weighted):
    X, y = rows
    weights = np.random.default_rng(1).uniform(1, 9, 60) if weighted else np.ones(60)
    head = LogisticHead(strength=3).fit(X, y, weights if weighted else None)
    np.testing.assert_allclose(head.model_.coef_, _minimum(X, y, 3, weights), atol=2e-3)


def test_the_strength_is_that_of_scikit_learns_search():
    rng, codes, chosen = np.random.default_rng(0), np.repeat([0, 1, 2], 20), []
    grid = {"strength": [4.0, 40.0, 400.0]}
    search = GridSearchCV(LogisticHead(), grid, scoring="neg_log_loss", cv=StratifiedKFold(5))
    for distance in (2, 6, 20):
        X = rng.normal(size=(60, 5)) + distance * np.eye(5)[codes]
        chosen.append(LogisticHead().fit(X, codes).strength_)
        assert chosen[-1] == search.fit(X, codes).best_params_["strength"]
    assert len(set(chosen)) > 1


def test_the_choice_of_the_strength_is_the_same_in_more_dimensions(rows):
    X, y = rows
    codes, even, odd = (
        np.unique(y, return_inverse=True)[1],
        np.arange(0, 60, 2),
        np.arange(1, 60, 2),
    )
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(205, 205)))[0]
    wide = X @ basis[:5] * np.sqrt(5 / 205)  # the penalty is weighed by the number of features
    expected = _losses(X, codes, None, even, odd)
    np.testing.assert_allclose(_losses(wide, codes, None, even, odd), expected, rtol=0.03)


def test_labels_that_cannot_be_held_out(rows):
    X, y = rows
    few = [0, 20, 40]
    assert LogisticHead().fit(X[few], y[few]).strength_ == 400
    single = [0, 20, *range(40, 60)]  # two classes with one label each are only trained on
    assert LogisticHead().fit(X[single], y[single]).strength_ in (4, 40, 400)
    many = np.arange(120) % 60
    assert LogisticHead().fit(np.eye(60)[many], many).strength_ == 400


def test_twice_the_rows_are_the_same_model(rows):
    X, y = rows
    head = LogisticHead(strength=400)
    one, two = clone(head).fit(X, y), clone(head).fit(np.r_[X, X], np.r_[y, y])
    np.testing.assert_allclose(one.predict_proba(X), two.predict_proba(X), atol=1e-3)


def test_the_length_of_a_row_does_not_matter(rows):
    X, y = rows
    lengths = np.random.default_rng(2).uniform(0.1, 10, (60, 1))
    plain = make_embedding_classifier().fit(X, y)
    other = make_embedding_classifier().fit(X * lengths, y)
    np.testing.assert_allclose(plain.predict_proba(X), other.predict_proba(3 * X), atol=1e-6)


def test_a_part_that_all_rows_share_does_not_hide_what_differs(rows):
    X, y = rows
    far = np.c_[0.01 * X, np.full(60, 5.0)]
    half = np.arange(60) % 2 == 0
    model = make_embedding_classifier().fit(far[half], y[half])
    assert model.score(far[~half], y[~half]) > 0.65


def test_activations_are_compared_by_the_hellinger_kernel():
    X = np.random.default_rng(0).gamma(0.3, size=(30, 8)).astype(np.float32)
    p = X / X.sum(axis=1, keepdims=True)  # the kernel of distributions: sum of sqrt(p q)
    rows = make_embedding_classifier()[:2].fit_transform(X)
    np.testing.assert_allclose(rows @ rows.T, np.sqrt(p[:, None] * p[None]).sum(-1), rtol=1e-5)


def test_rows_with_two_signs_stay_as_they_are(rows):
    X, _ = rows
    np.testing.assert_array_equal(ActivationRoot().fit_transform(X), X)
    later = ActivationRoot().fit(np.abs(X)).transform([[4, -1, 0, 1, 9]])
    np.testing.assert_array_equal(later, [[2, 0, 0, 1, 3]])


def test_training_goes_on_with_warm_start(rows):
    X, y = rows
    head = LogisticHead(warm_start=True).fit(X, y)
    n_first = head.model_.n_iter_[0]
    assert head.fit(X, y).model_.n_iter_[0] < n_first / 2
    cold = clone(head).set_params(warm_start=False).fit(X, y)
    assert cold.fit(X, y).model_.n_iter_[0] == n_first


def test_a_campaign_can_go_on_instead_of_beginning_anew(rows):
    X, y = rows
    model = make_embedding_classifier().set_params(logistichead__warm_start=True)
    fitted = ActiveLearningClassifier(
        model, n_initial=9, n_instances=9, budget=27, update="finetune", random_state=0
    ).fit(X, y)
    assert fitted.score(X, y) > 0.8


def test_several_windows_for_a_recording_are_refused():
    with pytest.raises(ValueError, match='pool them with pool="mean"'):
        make_embedding_classifier().fit(np.ones((6, 2, 3)), [0, 1] * 3)
