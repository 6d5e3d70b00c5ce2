"""Triangle meshes of solids: from masks, to and from the kernel, measured and checked."""
