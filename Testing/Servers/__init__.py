"""Stores on loopback that tests start for themselves: a real Orthanc, and stores that lie."""
