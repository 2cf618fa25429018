package diag

// Mistake is a mistake in a part of the config, found by the package that owns the part.
// It has no position, because that package does not know the file.
type Mistake struct {
	// Path leads to the mistake from the part that was validated: fields by their YAML
	// names, list items by index, map items by quoted key, as in
	// checks[2].http.json["$.status"]. It is empty for the part as a whole.
	Path string
	// Text says what is wrong, Hint what to try; Hint may be empty.
	Text, Hint string
}
