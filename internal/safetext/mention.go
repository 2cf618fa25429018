package safetext

import "regexp"

var mention = regexp.MustCompile(`^@[A-Za-z0-9][A-Za-z0-9-]{0,38}(/[A-Za-z0-9][A-Za-z0-9_.-]{0,99})?$`)

// ValidMention reports whether text is @user or @organisation/team and nothing else, so
// that it may stand in Markdown as it is, and calls them.
func ValidMention(text string) bool { return mention.MatchString(text) }
