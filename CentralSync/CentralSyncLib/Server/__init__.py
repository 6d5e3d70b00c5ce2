"""The store's own side: who may do what there, and the configuration that holds everybody to it."""
