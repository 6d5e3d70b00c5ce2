"""The queue of what is to be sent, on this workstation's disk: nothing that it has taken is lost."""
