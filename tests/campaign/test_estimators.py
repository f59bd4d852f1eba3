"""Campaigns around the classifiers that people bring: they run, or say before training why not."""

import warnings

import numpy as np
import pytest
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline as make_imblearn_pipeline
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_selection import RFE, SelectFromModel, SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler, TargetEncoder
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators

from skal._utils.estimators.pipelines import Chain, ConstantClassifier
from skal.campaign import LowUncertainty, PseudoLabels, StabilizedPredictions
from skal.learner import UnsupportedStrategyError
from skal.strategies import (
    BADGE,
    BALD,
    BatchBALD,
    CoreSet,
    MarginSampling,
    RandomSampling,
    TypiClust,
)
from tests.campaign.data import campaign

IRIS = load_iris(return_X_y=True)


# What each classifier of scikit-learn says instead of running: a part of the message.
_REFUSED = {
    "ClassifierChain": "is a multilabel classifier",
    "MultiOutputClassifier": "is a multilabel classifier",
    "FixedThresholdClassifier": "is a binary classifier",
    "TunedThresholdClassifierCV": "is a binary classifier",
}
_NO_PROBABILITIES = {
    "LinearSVC",
    "NuSVC",
    "OneVsOneClassifier",
    "OutputCodeClassifier",
    "PassiveAggressiveClassifier",
    "Perceptron",
    "RidgeClassifier",
    "RidgeClassifierCV",
    "SGDClassifier",
    "SVC",
}
_BUILT_WITH = {
    "CategoricalNB": {"min_categories": 100},
    "NuSVC": {"nu": 0.1},
    "QuadraticDiscriminantAnalysis": {"solver": "eigen", "shrinkage": 0.5},
    "RadiusNeighborsClassifier": {"radius": 100.0},
    "VotingClassifier": {"voting": "soft"},
}


def _build(kind):
    name, simple = kind.__name__, LogisticRegression(max_iter=500)
    if name in ("StackingClassifier", "VotingClassifier"):
        pair = [("a", simple), ("b", DecisionTreeClassifier())]
        return kind(pair, **_BUILT_WITH.get(name, {}))
    if name == "SelfTrainingClassifier":
        return kind(simple)
    try:
        return kind(**_BUILT_WITH.get(name, {}))
    except TypeError:
        return kind(simple)


@pytest.mark.parametrize("strategy", [RandomSampling(), MarginSampling(), CoreSet()], ids=repr)
@pytest.mark.parametrize("kind", [kind for _, kind in all_estimators("classifier")])
@pytest.mark.filterwarnings("ignore")  # of convergence, priors and the like
def test_every_classifier_of_scikit_learn_runs_or_says_why_not(kind, strategy):
    X, y = IRIS
    name, wanted = kind.__name__, campaign(_build(kind), strategy, n_initial=30)
    if name != "SelfTrainingClassifier":  # it refuses text
        y = np.array(["setosa", "versicolor", "virginica"])[y]
    if name in _REFUSED:
        with pytest.raises(TypeError, match=_REFUSED[name]):
            wanted.fit(X, y)
    elif name in _NO_PROBABILITIES and isinstance(strategy, MarginSampling):
        with pytest.raises(UnsupportedStrategyError, match=r"needs predict_proba.*RandomSampling"):
            wanted.fit(X, y)
        assert not hasattr(wanted, "history_")
    else:
        wanted.fit(X, y)
        assert wanted.stop_reason_ == "the budget of 52 labels is spent"
        assert set(wanted.predict(X)) <= set(y)
        # The same classifier with the same labels is as good without a campaign around it.
        rows = wanted.labeled_indices_
        alone = clone(wanted.estimator).fit(X[rows], y[rows]).score(X, y)
        assert wanted.score(X, y) >= alone - 0.35


class Threshold(TransformerMixin, BaseEstimator):
    """Counts the rows that it transforms."""

    n_transformed = 0

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        type(self).n_transformed += len(X)
        return np.asarray(X)


class Duck:
    """A classifier with fit and predict, and nothing else."""

    def fit(self, X, y):
        self.means = {name: np.asarray(X)[y == name].mean(axis=0) for name in np.unique(y)}
        return self

    def predict(self, X):
        names = np.array(list(self.means))
        distances = [np.linalg.norm(X - mean, axis=1) for mean in self.means.values()]
        return names[np.argmin(distances, axis=0)]


class ProbableDuck(Duck):
    """Has probabilities too, with columns for the classes that it was fitted on."""

    def predict_proba(self, X):
        logits = -np.stack([np.linalg.norm(X - m, axis=1) for m in self.means.values()], axis=1)
        exp = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exp / exp.sum(axis=1, keepdims=True)


class TestDuckTypes:
    def test_fit_and_predict_are_enough(self):
        X, y = IRIS
        fitted = campaign(Duck(), RandomSampling()).fit(X, y)
        assert fitted.score(X, y) > 0.85
        assert fitted.classes_.tolist() == [0, 1, 2]

    def test_columns_follow_the_classes_seen_so_far(self):
        X, y = IRIS
        order = np.r_[:20, 50:70, 100:150]  # a list that begins with one class, then two
        marked = np.full(150, -1)
        marked[order[:40]] = y[order[:40]]
        fitted = campaign(ProbableDuck(), classes=[0, 1, 2], budget=None).fit(X, marked)
        proba = fitted.predict_proba(X)
        assert proba.shape == (150, 3) and (proba[:, 2] == 0).all()
        fitted.teach(indices=np.arange(110, 140), y=y[110:140])
        assert fitted.predict_proba(X)[115, 2] > 0.4

    def test_what_it_lacks_is_said_before_training(self):
        with pytest.raises(UnsupportedStrategyError, match="predict_proba, which Duck"):
            campaign(Duck(), MarginSampling()).fit(*IRIS)

    @pytest.mark.parametrize(
        ("estimator", "message"),
        [
            (LinearRegression(), "LinearRegression is a regressor"),
            (make_pipeline(StandardScaler(), LinearRegression()), "is a regressor"),
            (KMeans(), "KMeans is a clusterer"),
            (StandardScaler(), "StandardScaler has no predict"),
            (LogisticRegression, r"instance \(LogisticRegression\(\)\)"),
        ],
    )
    def test_what_is_no_classifier_is_refused(self, estimator, message):
        with pytest.raises((TypeError, ValueError), match=message):
            campaign(estimator).fit(*IRIS)


SUPERVISED = [
    SelectKBest(k=2),
    LinearDiscriminantAnalysis(),
    SelectFromModel(RandomForestClassifier(5)),
    RFE(LogisticRegression(max_iter=500), n_features_to_select=2),
    FeatureUnion([("best", SelectKBest(k=1)), ("all", "passthrough")]),
    make_pipeline(StandardScaler(), SelectKBest(k=2)),
    TargetEncoder(),
]


class TestSteps:
    @pytest.mark.parametrize("step", SUPERVISED, ids=lambda step: type(step).__name__)
    @pytest.mark.parametrize("initial", [None, CoreSet(), TypiClust()], ids=repr)
    @pytest.mark.parametrize("strategy", [MarginSampling(), BADGE(), CoreSet()], ids=repr)
    @pytest.mark.filterwarnings("ignore:The least populated class|TargetEncoder needs 5 labels")
    @pytest.mark.filterwarnings("ignore:Features .* are constant|invalid value")
    def test_steps_that_need_labels(self, step, initial, strategy):
        model = make_pipeline(StandardScaler(), step, LogisticRegression(max_iter=500))
        fitted = campaign(model, strategy, initial_strategy=initial).fit(*IRIS)
        assert fitted.stop_reason_ == "the budget of 52 labels is spent"
        assert not hasattr(model[0], "mean_")

    def test_the_first_choice_sees_the_steps_before_the_one_that_needs_labels(self):
        X = IRIS[0]
        steps = Chain(
            make_pipeline(StandardScaler(), SelectKBest(k=2), PCA(1), LogisticRegression())
        ).label_free_steps(X * [1, 100, 1, 1])
        assert [type(step).__name__ for step in steps] == ["StandardScaler"]
        np.testing.assert_allclose(steps[0].transform(X * [1, 100, 1, 1]).std(axis=0), 1)

    def test_drawing_at_random_transforms_nothing(self):
        Threshold.n_transformed = 0
        model = make_pipeline(Threshold(), StandardScaler(), LogisticRegression(max_iter=500))
        fitted = campaign(model, RandomSampling(), n_initial=20, budget=20).fit(*IRIS)
        assert Threshold.n_transformed == 20  # those of the training alone
        Threshold.n_transformed = 0
        assert len(fitted.query()) == 20
        assert Threshold.n_transformed == 0

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda scaler, model: make_pipeline(make_pipeline(scaler), model),
            lambda scaler, model: make_pipeline(scaler, make_pipeline("passthrough", model)),
            lambda scaler, model: Pipeline([("a", FeatureUnion([("b", scaler)])), ("c", model)]),
            lambda scaler, model: make_imblearn_pipeline(scaler, model),
            lambda scaler, model: make_pipeline(
                scaler, GridSearchCV(model, {"C": [1.0]}, cv=2, scoring="accuracy")
            ),
        ],
    )
    @pytest.mark.parametrize("strategy", [MarginSampling(), BADGE(), CoreSet()], ids=repr)
    def test_however_steps_are_nested_the_same_rows_are_asked(self, wrap, strategy):
        X, y = IRIS
        model = LogisticRegression(max_iter=500)
        params = {"n_initial": 30, "budget": 70, "store_rounds": True}
        flat = campaign(make_pipeline(StandardScaler(), model), strategy, **params).fit(X, y)
        nested = campaign(wrap(StandardScaler(), model), strategy, **params).fit(X, y)
        np.testing.assert_array_equal(flat.labeled_indices_, nested.labeled_indices_)
        for one, other in zip(
            flat.staged_predict_proba(X), nested.staged_predict_proba(X), strict=True
        ):
            np.testing.assert_allclose(one, other)

    def test_weights_reach_a_nested_model(self):
        X, y = IRIS
        weight = np.where(y == 2, 1.0, 1e-6)
        model = make_pipeline(StandardScaler(), make_pipeline(LogisticRegression(max_iter=500)))
        fitted = campaign(model, RandomSampling()).fit(X, y, sample_weight=weight)
        assert (fitted.predict(X) == 2).all()

    def test_a_resampler_is_skipped_outside_fit(self):
        X, y = IRIS
        keep = np.r_[:50, 50:60, 100:104]
        model = make_imblearn_pipeline(
            StandardScaler(), RandomOverSampler(), LogisticRegression(max_iter=500)
        )
        for strategy in (RandomSampling(), MarginSampling(), BADGE(), CoreSet()):
            fitted = campaign(
                model, strategy, initial_strategy=CoreSet(), budget=40, store_rounds=True
            ).fit(X[keep], y[keep])
            assert fitted.n_rounds_ == 2
            assert len(fitted.query(X[60:100], 5)) == 5
            *_, last = fitted.staged_predict_proba(X)
            np.testing.assert_allclose(last, fitted.predict_proba(X))

    def test_staged_predictions_pass_rows_through_stateless_steps_once(self):
        X, y = IRIS
        model = make_pipeline(Threshold(), StandardScaler(), LogisticRegression(max_iter=500))
        fitted = campaign(model, RandomSampling(), store_rounds=True, n_instances=4).fit(X, y)
        Threshold.n_transformed = 0
        stages = list(fitted.staged_predict_proba(X))
        assert len(stages) == 11
        assert Threshold.n_transformed == 150
        np.testing.assert_allclose(stages[-1], fitted.predict_proba(X))
        rows = fitted.labeled_indices_[: fitted.history_[3]["n_labeled"]]
        anew = clone(model).fit(X[rows], y[rows]).predict_proba(X)
        np.testing.assert_allclose(stages[3], anew, atol=1e-6)


class TestOneClass:
    @pytest.mark.parametrize(
        "strategy", [MarginSampling(), BALD(3), BatchBALD(3), BADGE(), CoreSet()], ids=repr
    )
    def test_the_campaign_goes_on_until_a_second_class_is_found(self, strategy):
        X, y = load_digits(return_X_y=True)
        model = make_pipeline(StandardScaler(), RandomForestClassifier(5))
        for seed in range(5):
            fitted = campaign(
                model, strategy, n_initial=1, n_instances=5, budget=21, random_state=seed
            ).fit(X[:400], y[:400])
            assert len(fitted.labeled_indices_) == 21
            assert isinstance(Chain(fitted.estimator_).model, RandomForestClassifier)

    def test_the_stand_in_keeps_the_classifier_and_ties_all_rows(self):
        X, y = IRIS
        model = make_pipeline(StandardScaler(), RandomForestClassifier(5))
        marked = np.where(np.arange(150) < 3, y, -1)
        fitted = campaign(model, BALD(3), classes=[0, 1, 2], budget=None).fit(X, marked)
        stand_in = fitted.estimator_
        assert isinstance(stand_in, ConstantClassifier)
        assert isinstance(stand_in.estimator, Pipeline)
        np.testing.assert_array_equal(fitted.predict_proba(X), np.tile([1.0, 0, 0], (150, 1)))
        # Ties are broken at random: other seeds ask for other rows.
        asked = {
            tuple(
                campaign(model, BALD(3), classes=[0, 1, 2], random_state=s).fit(X, marked).query()
            )
            for s in range(5)
        }
        assert len(asked) == 5

    def test_features_still_decide_where_the_strategy_needs_no_more(self):
        X, y = IRIS
        paths = [str(i) for i in range(150)]
        read = FunctionTransformer(lambda names: X[[int(name) for name in names]])
        marked = np.where(np.arange(150) < 1, y, -1)
        model = make_pipeline(read, GaussianNB())
        fitted = campaign(model, CoreSet(), classes=[0, 1, 2], budget=None).fit(paths, marked)
        (first,) = fitted.query(n_instances=1)
        assert first == np.argmax(np.linalg.norm(X - X[0], axis=1))

    def test_a_constant_model_is_no_reason_to_stop_and_labels_nothing(self):
        X, y = IRIS
        for criterion in (LowUncertainty(0.01), StabilizedPredictions(0.5, n_rounds=1)):
            marked = np.where(np.arange(150) < 4, y, -1)
            fitted = campaign(
                LogisticRegression(max_iter=500),
                RandomSampling(),
                classes=[0, 1, 2],
                stopping=criterion,
                pseudo_labels=PseudoLabels(0.5),
                budget=None,
            ).fit(X, marked)
            fitted.teach(indices=[10, 11], y=[0, 0])
            fitted.teach(indices=[12, 13], y=[0, 0])
            assert fitted.stop_reason_.startswith("waiting")
            assert [record["n_pseudo_labeled"] for record in fitted.history_] == [0, 0, 0]


class TestFolds:
    def test_a_classifier_that_cross_validates_waits_for_labels(self):
        X, y = IRIS
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fitted = campaign(CalibratedClassifierCV(SVC()), n_initial=10, budget=80).fit(X, y)
        assert "needs 5 labels of each class" in str(caught[0].message)
        assert fitted.score(X, y) > 0.9

    def test_what_is_advised_instead_of_an_svc_works_with_few_labels(self):
        X, y = IRIS
        with pytest.raises(UnsupportedStrategyError, match="Nystroem"):
            campaign(SVC(), n_initial=10).fit(X, y)
        advised = make_pipeline(StandardScaler(), Nystroem(), LogisticRegression())
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "n_components > n_samples")
            for seed in range(6):
                fitted = campaign(advised, n_initial=10, budget=70, random_state=seed).fit(X, y)
                assert fitted.score(X, y) > 0.85

    def test_a_failed_fit_says_on_which_labels(self):
        class Picky(LogisticRegression):
            def fit(self, X, y, sample_weight=None):
                raise ValueError("too few")

        with pytest.raises(ValueError, match="too few") as caught:
            campaign(Picky()).fit(*IRIS)
        assert "of 0" in caught.value.__notes__[0]


class TestInput:
    @pytest.mark.parametrize(
        "model",
        [
            make_pipeline(SimpleImputer(), LogisticRegression(max_iter=500)),
            make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=5)),
            BaggingClassifier(make_pipeline(SimpleImputer(), LogisticRegression(max_iter=500)), 3),
            HistGradientBoostingClassifier(max_iter=5),
        ],
        ids=lambda model: type(model).__name__,
    )
    def test_missing_values_where_the_estimator_takes_them(self, model):
        X, y = IRIS[0].copy(), IRIS[1]
        X[np.random.RandomState(0).rand(*X.shape) < 0.1] = np.nan
        fitted = campaign(model, n_initial=30, budget=80).fit(X, y)
        assert fitted.score(X, y) > 0.6

    def test_missing_values_where_it_does_not(self):
        X = IRIS[0].copy()
        X[7, 1] = np.nan
        with pytest.raises(ValueError, match="NaN"):
            campaign(LogisticRegression()).fit(X, IRIS[1])
        with pytest.raises(UnsupportedStrategyError, match="SimpleImputer"):
            campaign(HistGradientBoostingClassifier(), CoreSet()).fit(X, IRIS[1])

    @pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array, sparse.csc_array])
    @pytest.mark.parametrize("model", [LogisticRegression(max_iter=900), MultinomialNB()])
    def test_sparse_rows_give_the_same_campaign_as_dense_ones(self, kind, model):
        X, y = load_digits(return_X_y=True)
        params = {"n_initial": 40, "budget": 100, "n_instances": 30}
        dense = campaign(model, **params).fit(X[:300], y[:300])
        thin = campaign(model, **params).fit(kind(X[:300]), y[:300])
        np.testing.assert_array_equal(dense.labeled_indices_, thin.labeled_indices_)
        np.testing.assert_allclose(
            dense.predict_proba(X[300:]), thin.predict_proba(kind(X[300:])), atol=1e-5
        )
        assert len(thin.query(n_instances=3)) == 3

    def test_sparse_rows_have_no_embedding_of_their_own(self):
        X, y = load_digits(return_X_y=True)
        X = sparse.csr_array(X[:200])
        with pytest.raises(UnsupportedStrategyError, match="TruncatedSVD"):
            campaign(LogisticRegression(max_iter=900), CoreSet()).fit(X, y[:200])
        model = make_pipeline(TruncatedSVD(10), LogisticRegression(max_iter=900))
        assert campaign(model, CoreSet(), initial_strategy=CoreSet()).fit(X, y[:200]).n_rounds_


class TestFinetune:
    @pytest.mark.parametrize(
        "model",
        [
            RandomForestClassifier(5),
            ExtraTreesClassifier(5),
            BaggingClassifier(),
            GradientBoostingClassifier(),
            HistGradientBoostingClassifier(),
        ],
        ids=lambda model: type(model).__name__,
    )
    @pytest.mark.parametrize("wrap", [lambda m: m, lambda m: make_pipeline(StandardScaler(), m)])
    def test_ensembles_are_refused_with_what_to_use_instead(self, model, wrap):
        with pytest.raises(TypeError, match=r"only adds members.*update='retrain'.*SGDClassifier"):
            campaign(wrap(model), update="finetune").fit(*IRIS)

    @pytest.mark.parametrize("warm_start", [False, True])
    def test_retraining_always_starts_anew(self, warm_start):
        X, y = load_digits(return_X_y=True)
        model = RandomForestClassifier(20, warm_start=warm_start)
        fitted = campaign(model, n_initial=40, budget=240, n_instances=100).fit(X[:600], y[:600])
        rows = fitted.labeled_indices_
        seed = fitted.estimator_.random_state
        alone = RandomForestClassifier(20, random_state=seed).fit(X[rows], y[rows])
        np.testing.assert_array_equal(alone.predict_proba(X), fitted.predict_proba(X))
        assert all(record["from_scratch"] for record in fitted.history_)

    @pytest.mark.parametrize(
        "model",
        [
            LogisticRegression(max_iter=900),
            SGDClassifier(loss="log_loss"),
            MLPClassifier((20,), max_iter=300),
            GaussianNB(),
        ],
        ids=lambda model: type(model).__name__,
    )
    @pytest.mark.parametrize("wrap", [lambda m: m, lambda m: make_pipeline(StandardScaler(), m)])
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_a_class_that_comes_late_starts_training_anew(self, model, wrap):
        X, y = load_digits(n_class=3, return_X_y=True)
        order = np.argsort(y != 0, kind="stable")  # the first class, then the others mixed
        X, y = X[order], y[order]
        marked = np.where(np.arange(len(y)) < 150, -1, y)
        marked[:150], marked[150:] = y[:150], -1
        fitted = campaign(wrap(model), update="finetune", classes=[0, 1, 2], budget=None)
        fitted.fit(X, marked)
        others = np.arange(178, len(y))
        for low in range(0, 80, 20):
            rows = others[low : low + 20]
            fitted.teach(indices=rows, y=y[rows])
        scratch = [record["from_scratch"] for record in fitted.history_]
        assert scratch[0] and scratch[1] and not scratch[-1]
        assert fitted.score(X, y) > 0.8

    def test_partial_fit_goes_on_from_what_was_learned(self):
        X, y = IRIS
        first = np.r_[:20, 50:70, 100:120]
        marked = np.full(150, -1)
        marked[first] = y[first]
        fitted = campaign(GaussianNB(), update="finetune", replay="none", budget=None)
        fitted.fit(X, marked)
        later = np.r_[20:30, 70:80]
        fitted.teach(indices=later, y=y[later])
        expected = GaussianNB().fit(X[first], y[first]).partial_fit(X[later], y[later])
        np.testing.assert_allclose(fitted.predict_proba(X), expected.predict_proba(X))


def test_two_classes_only():
    X, y = IRIS
    model = FixedThresholdClassifier(LogisticRegression(), threshold=0.4)
    fitted = campaign(model, BADGE()).fit(X[:100], y[:100])
    assert fitted.score(X[:100], y[:100]) == 1


def test_bagged_classifiers_of_a_users_own_in_a_pipeline():
    class Own(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            self.inner_ = GaussianNB().fit(X, y)
            return self

        def predict(self, X):
            return self.inner_.predict(X)

        def predict_proba(self, X):
            return self.inner_.predict_proba(X)

    fitted = campaign(make_pipeline(StandardScaler(), Own()), BADGE()).fit(*IRIS)
    assert fitted.score(*IRIS) > 0.9
