"""What leaves for the operating room: DICOM objects, the briefing page, the package and its verification."""
