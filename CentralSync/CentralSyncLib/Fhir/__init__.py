"""A case's metadata as HL7 FHIR R4: the transaction, and the endpoint that it is posted to."""
