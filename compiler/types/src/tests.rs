//! Small scripts in, code and place out.
