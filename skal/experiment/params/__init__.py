"""Parameter files: their keys, presets, earlier names, and files of ALFramework."""
