package triage

// Essence is what a failure's text says about its kind, for a comparison with failures of
// other runs. Its texts are as they stand, with the values of their run.
type Essence struct {
	// Lines are the message without frames, source code and log lines, then the root
	// causes that the details name; at most maxEssence of each.
	Lines []string
	// Place is the innermost frame that is neither library nor framework: file or class,
	// and function, without a line number. Host is the first host that the lines name.
	// Either is empty where the text does not tell.
	Place, Host string
}

// maxEssence bounds the lines of an essence: what follows is a log of the call, or a
// difference of two long values.
const maxEssence = 6

// EssenceOf reads a failure. It looks at Type, Message and Details alone.
func EssenceOf(in Input) Essence {
	d := read(Input{Type: in.Type, Message: in.Message, Details: in.Details})
	var e Essence
	message, causes := 0, 0
	for i := range d.lines {
		l := &d.lines[i]
		switch {
		case l.text == "" || l.weight != root && l.weight != head:
			continue
		case l.from == fromMessage || len(e.Lines) == 0:
			message++
		case l.weight == root:
			causes++
		default:
			continue
		}
		if l.from == fromMessage && message > maxEssence || l.from == fromDetails && causes > maxEssence {
			continue
		}
		e.Lines = append(e.Lines, l.text)
		if targets := d.targetsAt(i); e.Host == "" && len(targets) > 0 {
			e.Host = targets[0].host
		}
	}
	if d.frames.found {
		e.Place = d.frames.owned.place
	}
	return e
}
