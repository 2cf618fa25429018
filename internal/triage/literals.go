package triage

import (
	"regexp/syntax"
	"slices"
	"strings"
)

// minLiteral is the length in bytes of the shortest text that keeps an expression off lines.
const minLiteral = 3

// literalsOf are texts, in lower case, of which each match of an expression holds at least one, so that the expression
// need not be tried on a line without any. It is nil where the expression asks for no text that is long enough.
func literalsOf(expr string) []string {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil
	}
	list := needed(re.Simplify())
	if shortest(list) < minLiteral {
		return nil
	}
	return list
}

// needed are texts of which each match holds at least one.
func needed(re *syntax.Regexp) []string {
	exact := exactly(re)
	if shortest(exact) > 0 {
		return exact
	}
	switch re.Op {
	case syntax.OpCapture, syntax.OpPlus:
		return needed(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return needed(re.Sub[0])
		}
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			list := needed(sub)
			if len(list) == 0 {
				return nil
			}
			all = append(all, list...)
		}
		return all
	case syntax.OpConcat:
		return rarest(re.Sub)
	default:
	}
	return nil
}

// rarest is the part of a sequence whose texts are the rarest. Neighbours that match only some texts are one part.
func rarest(parts []*syntax.Regexp) []string {
	var found, run []string
	take := func(list []string) {
		if shortest(list) > shortest(found) {
			found = list
		}
	}
	for _, sub := range parts {
		exact := exactly(sub)
		switch {
		case len(exact) > 0 && len(run) > 0 && len(run)*len(exact) <= maxTexts:
			run = cross(run, exact)
		case len(exact) > 0:
			take(run)
			run = exact
		case isEmptyWidth(sub.Op):
		default:
			take(run)
			run = nil
			take(needed(sub))
		}
	}
	take(run)
	return found
}

func isEmptyWidth(op syntax.Op) bool {
	return op >= syntax.OpBeginLine && op <= syntax.OpNoWordBoundary
}

// maxTexts bounds the texts of one part.
const maxTexts = 16

// exactly are all texts that an expression matches, if they are few.
func exactly(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if r > 127 && re.Flags&syntax.FoldCase != 0 {
				return nil // its other case is none that the matcher folds
			}
		}
		return []string{lowerASCII(string(re.Rune))}
	case syntax.OpCharClass:
		var list []string
		for i := 0; i < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				if r > 127 || len(list) == maxTexts {
					return nil
				}
				if s := lowerASCII(string(r)); !slices.Contains(list, s) {
					list = append(list, s)
				}
			}
		}
		return list
	case syntax.OpCapture:
		return exactly(re.Sub[0])
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			list := exactly(sub)
			if len(list) == 0 || len(all)+len(list) > maxTexts {
				return nil
			}
			all = append(all, list...)
		}
		return all
	case syntax.OpConcat:
		all := []string{""}
		for _, sub := range re.Sub {
			if isEmptyWidth(sub.Op) {
				continue
			}
			list := exactly(sub)
			if len(list) == 0 || len(all)*len(list) > maxTexts {
				return nil
			}
			all = cross(all, list)
		}
		return all
	default:
		return nil
	}
}

func cross(a, b []string) []string {
	var list []string
	for _, x := range a {
		for _, y := range b {
			list = append(list, x+y)
		}
	}
	return list
}

// common are texts that lines of any kind hold, and what is left of such where the parser has taken "re" out of
// returned, responded and reported.
var common = map[string]bool{
	"http": true, "code": true, "error": true, "response": true, "status": true, "turned": true, "spon": true, "ported": true, "answered": true,
	"received": true, "exception": true, "within ": true, "after ": true, "java": true, "expected": true, "got": true, "was": true, "want": true,
	"timeout": true, "token": true,
}

// shortest measures texts by their commonest: its length, and less where it is a common word.
func shortest(list []string) int {
	n := 0
	for i, s := range list {
		size := len(strings.TrimSpace(s))
		switch {
		case common[s]:
			size = min(size, minLiteral)
		case strings.Trim(s, "0123456789") == "" && size >= minLiteral:
			size += minLiteral // a number is rarer than a word of its length
		}
		if i == 0 || size < n {
			n = size
		}
	}
	return n
}
