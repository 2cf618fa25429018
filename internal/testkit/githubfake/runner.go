package githubfake

import "strings"

// Masks are the values that a runner masks in a job: its secrets, and what its log says with
// add-mask, as a whole and line by line (AddMaskCommandExtension in ActionCommandManager.cs of
// actions/runner).
func Masks(log string, secrets ...string) []string {
	list := secrets
	for line := range strings.Lines(log) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "::add-mask::"); ok {
			list = append(list, strings.NewReplacer("%25", "%", "%0D", "\r", "%0A", "\n").Replace(value))
		}
	}
	var masks []string
	for _, value := range list {
		for _, line := range append(strings.FieldsFunc(value, func(r rune) bool { return r == '\r' || r == '\n' }), value) {
			if line = strings.TrimSpace(line); line != "" {
				masks = append(masks, line)
			}
		}
	}
	return masks
}

// JobOutput is an output of a job as the jobs behind it get it. One that holds a masked value is
// empty there, and only the log of its own job says so (JobExtension.cs of actions/runner, "Skip
// output ... since it may contain secret").
func JobOutput(value string, masks []string) string {
	for _, mask := range masks {
		if strings.Contains(value, mask) {
			return ""
		}
	}
	return value
}
