package policy

import (
	"maps"
	"slices"
)

// Weaker is a cell that one override makes weaker than another one does.
type Weaker struct {
	// Path is that of the cell, as in "flaky.release-blocking".
	Path string
	// Own is the weaker word, and Bar the one that counts.
	Own, Bar string
}

// Stricter joins two overrides without mistakes: of a cell that both change, the stronger effect
// counts. weaker lists where that is not the one of own, in the order of rows and criticalities by name.
func Stricter(bar, own Override) (joined Override, weaker []Weaker) {
	if len(bar) == 0 {
		return own, nil
	}
	joined = Override{}
	for _, o := range []Override{bar, own} {
		for row, cells := range o {
			if joined[row] == nil {
				joined[row] = map[string]string{}
			}
			maps.Copy(joined[row], cells)
		}
	}
	for _, row := range slices.Sorted(maps.Keys(bar)) {
		for _, crit := range slices.Sorted(maps.Keys(bar[row])) {
			word, ok := own[row][crit]
			if set := bar[row][crit]; ok && stronger(words[set], words[word]) {
				joined[row][crit] = set
				weaker = append(weaker, Weaker{row + "." + crit, word, set})
			}
		}
	}
	return joined, weaker
}
