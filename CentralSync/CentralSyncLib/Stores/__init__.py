"""Central stores: what all can do, the kinds there are, and the transport beneath."""
