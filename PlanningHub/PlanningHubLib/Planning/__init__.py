"""Virtual surgical planning: operations that make, cut, mirror, move and measure the objects of a plan."""
