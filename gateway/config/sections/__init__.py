"""One module for each section of a configuration: from its tree to its value, with everything wrong said."""
