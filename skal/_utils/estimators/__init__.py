"""Parts of scikit-learn estimators: Pipelines, ensembles, nested parameters."""
