//! Beside other people's tools: what they sign we verify, what we sign they verify.
