//! What users do, against a real API server, the fake vendors and the real program.
