package junit

import "fmt"

// problemsPerKind bounds how many problems of one kind are listed one by one;
// the last of them tells how many more there were.
const problemsPerKind = 3

// problems collects what is wrong with a report, in bounded memory.
type problems struct {
	list []Problem
	// kinds holds, by kind, how many there were and the index of the last listed.
	kinds map[string]*kindCount
	// total counts all of them, listed or not.
	total int
}

type kindCount struct{ n, last int }

func (p *problems) add(kind string, loses bool, line, column int, format string, args ...any) {
	p.total++
	if p.kinds == nil {
		p.kinds = map[string]*kindCount{}
	}
	k := p.kinds[kind]
	if k == nil {
		k = &kindCount{}
		p.kinds[kind] = k
	}
	k.n++
	if k.n > problemsPerKind {
		p.list[k.last].LosesEvidence = p.list[k.last].LosesEvidence || loses
		return
	}
	k.last = len(p.list)
	p.list = append(p.list, Problem{
		Message:       fmt.Sprintf("%d:%d: ", line, column) + fmt.Sprintf(format, args...),
		LosesEvidence: loses, Line: line, Column: column,
	})
}

// warn marks the last problem of a kind: it loses nothing, and still somebody has to look.
func (p *problems) warn(kind string) { p.list[p.kinds[kind].last].Warns = true }

// done returns the list, each kind's last entry completed with what it stands for.
func (p *problems) done() []Problem {
	for _, k := range p.kinds {
		if more := k.n - problemsPerKind; more > 0 {
			p.list[k.last].Message += fmt.Sprintf(" (and %d more like it)", more)
		}
	}
	return p.list
}
