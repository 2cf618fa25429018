package report

import (
	"fmt"
	"strings"

	"github.com/org/e2e-gate/internal/safetext"
)

// Part is a section of Markdown that can be cut between its rows. Every row closes each
// fence, table cell and element that it opens. All texts end with a line feed.
type Part struct {
	// Head stands before the rows, Foot after them and after the sentence on what
	// was cut.
	Head, Foot string
	Rows       []string
	// Table is the head of the table of Rows. Figure stands before it if there is room for
	// it and all rows; it only repeats what the rows say.
	Figure, Table string
	// Noun names the rows in that sentence, in the plural. Left counts rows that were
	// already left out.
	Noun string
	Left int
}

func (p Part) size() int {
	n := len(p.Head) + len(p.Table) + len(p.Foot)
	for _, r := range p.Rows {
		n += len(r)
	}
	if p.Left > 0 {
		n += len(p.cut(0))
	}
	return n
}

// empty reports whether the part has nothing to show.
func (p Part) empty() bool { return p.Head == "" && len(p.Rows) == 0 }

// cut is the sentence on rows that are not shown.
func (p Part) cut(rows int) string {
	return fmt.Sprintf("\n_%s of %s %s are not shown here; result.json has all._\n", thousands(rows+p.Left), thousands(len(p.Rows)+p.Left), p.Noun)
}

// render returns the part within limit bytes, or "" if not even one row fits.
func (p Part) render(limit int) string {
	shown := len(p.Rows)
	if p.size() > limit {
		shown = 0
		room := limit - len(p.Head) - len(p.Table) - len(p.Foot) - len(p.cut(len(p.Rows)))
		for shown < len(p.Rows) && len(p.Rows[shown]) <= room {
			room -= len(p.Rows[shown])
			shown++
		}
		if shown == 0 {
			return ""
		}
	}
	var b strings.Builder
	b.WriteString(p.Head)
	if p.size()+len(p.Figure) <= limit {
		b.WriteString(p.Figure)
	}
	b.WriteString(p.Table)
	for _, r := range p.Rows[:shown] {
		b.WriteString(r)
	}
	if left := len(p.Rows) - shown; left+p.Left > 0 {
		b.WriteString(p.cut(left))
	}
	b.WriteString(p.Foot)
	return b.String()
}

// Compose puts parts together within limit bytes, the first ones first; each
// later part keeps a share of the room, so that a long table does not push the
// next one out. A last sentence counts the sections that did not fit. Parts are cut between
// rows only, so that fences, tables and details are always closed.
func Compose(limit int, parts ...Part) string {
	var b strings.Builder
	dropped := 0
	share := limit / (2 * max(len(parts), 1))
	for i, p := range parts {
		if p.empty() {
			continue
		}
		room := limit - b.Len() - len(notShown(len(parts)))
		for _, later := range parts[i+1:] {
			room -= min(later.size(), share)
		}
		text := p.render(room)
		if text == "" {
			dropped++
		}
		b.WriteString(text)
	}
	if dropped > 0 {
		b.WriteString(notShown(dropped))
	}
	text, _ := safetext.Cut(b.String(), limit)
	return text
}

func notShown(sections int) string {
	return fmt.Sprintf("\n_%s not shown here for lack of room; result.json has all._\n", plural(sections, "section is", "sections are"))
}
