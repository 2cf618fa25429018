package strictyaml

import (
	"fmt"

	"github.com/goccy/go-yaml/token"
)

// Bounds on the parser's input: it takes quadratic time and memory for deeply nested
// values and for large mappings.
const (
	maxDepth = 100
	maxKeys  = 20_000
)

// refuse returns the first token that must not reach the parser, and why.
func refuse(tokens token.Tokens) (at *token.Token, text, hint string) {
	var n nesting
	var docs documents
	keys := 0
	for _, t := range tokens {
		if t.Type == token.MappingValueType {
			keys++
		}
		switch {
		case docs.second(t):
			return t, "the file holds more than one YAML document", "remove what follows the line ---"
		case n.depth(t) > maxDepth:
			return t, fmt.Sprintf("nested more than %d levels deep", maxDepth), "is this the right file?"
		case keys > maxKeys:
			return t, fmt.Sprintf("the file has more than %d keys", maxKeys), "is this the right file?"
		}
	}
	return nil, "", ""
}

// documents counts the documents that are not empty.
type documents struct{ content, ended bool }

// second reports whether the token belongs to a second document.
func (d *documents) second(t *token.Token) bool {
	switch t.Type {
	case token.DocumentHeaderType, token.DocumentEndType:
		d.ended = d.content
	case token.CommentType:
	case token.DirectiveType:
		return d.ended
	default:
		d.content = d.content || t.Prev == nil || t.Prev.Type != token.DirectiveType && !onDirectiveLine(t)
		return d.ended
	}
	return false
}

// onDirectiveLine reports whether the token is an argument, as in "%YAML 1.2".
func onDirectiveLine(t *token.Token) bool {
	for p := t.Prev; p != nil && p.Position.Line == t.Position.Line; p = p.Prev {
		if p.Type == token.DirectiveType {
			return true
		}
	}
	return false
}

// nesting tracks how deep values are nested.
type nesting struct {
	columns []int // of the lines that the current one is indented below
	line    int
	inline  int // dashes and the like before the value
	flow    int // open brackets
}

func (n *nesting) depth(t *token.Token) int {
	if t.Type == token.CommentType {
		return 0
	}
	if t.Position.Line != n.line && n.flow == 0 {
		n.line, n.inline = t.Position.Line, 0
		for len(n.columns) > 0 && n.columns[len(n.columns)-1] >= t.Position.Column {
			n.columns = n.columns[:len(n.columns)-1]
		}
		n.columns = append(n.columns, t.Position.Column)
	}
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		n.flow++
	case token.SequenceEndType, token.MappingEndType:
		n.flow = max(n.flow-1, 0)
	case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
		n.inline++
	case token.CollectEntryType:
		n.inline = 0
	default:
	}
	return len(n.columns) + n.flow + n.inline
}
