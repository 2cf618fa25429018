package adapter

// MaxEventLine is for tests.
const MaxEventLine = maxEventLine
