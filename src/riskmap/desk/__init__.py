"""A desk's routine: from a configuration to a published set."""
