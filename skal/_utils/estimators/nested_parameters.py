"""Errors for nested parameters, such as network__dropout, of an object that is not set."""


class NestedParameters:
    """Makes `set_params` name the object to set before its nested parameters."""

    # For each parameter that may be None or text, an example of an object to set.
    _objects: dict[str, object] = {}

    def set_params(self, **params):
        """Set parameters.

        Parameters
        ----------
        **params : dict
            Names and values; ``part__name`` is the parameter of an object that is a parameter.

        Returns
        -------
        self
            The object itself.

        Raises
        ------
        ValueError
            If a name is unknown, or belongs to an object that is not set; the message says what
            to set first.
        """
        for name in params:
            part, _, inner = name.partition("__")
            if inner and part in self._objects:
                value = params.get(part, getattr(self, part))
                if not hasattr(value, "set_params"):
                    raise ValueError(
                        f"{name} needs an object that has it, but {part} is {value!r}: set "
                        f"{part}={self._objects[part].format(inner)}"
                    )
        return super().set_params(**params)
