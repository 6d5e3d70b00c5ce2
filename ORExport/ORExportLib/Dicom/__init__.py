"""The DICOM objects of a package."""
