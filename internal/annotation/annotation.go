// Package annotation holds the message beside a line of source that report makes, and
// that runners, check runs and files of results show.
package annotation

import (
	"github.com/org/e2e-gate/internal/safetext"
)

// Level of an annotation, in the words of workflow commands.
type Level string

// The levels, strongest first.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Notice  Level = "notice"
)

// Annotation is a message beside a line of source. Only [New] makes one that is not empty, so
// its texts are always clean, narrow and bounded; they are not escaped for a workflow command.
type Annotation struct {
	level          Level
	file           string
	line           int
	title, message string
}

// New makes an annotation of texts that may hold anything. The file is relative to the
// repository root with forward slashes, or empty; the line counts from 1, and what is
// lower, or has no file, is none. The file has [safetext.MaxAnnotation] bytes at most, as
// has the message; the title has [safetext.MaxAnnotationTitle]. Levels are not checked.
func New(level Level, file string, line int, title, message string) Annotation {
	a := Annotation{
		level: level, file: oneLine(file, safetext.MaxAnnotation), title: oneLine(title, safetext.MaxAnnotationTitle),
		message: safetext.Annotation(message, safetext.MaxAnnotation),
	}
	if a.file != "" {
		a.line = max(line, 0)
	}
	return a
}

func oneLine(s string, limit int) string { return safetext.Annotation(safetext.Line(s, limit), limit) }

// SafeFile reports whether a file can be named as it is.
func SafeFile(file string) bool { return oneLine(file, safetext.MaxAnnotation) == file }

// Level is the level.
func (a Annotation) Level() Level { return a.level }

// File is the path from the repository root, or empty.
func (a Annotation) File() string { return a.file }

// Line counts from 1; 0 is none.
func (a Annotation) Line() int { return a.line }

// Title is one line.
func (a Annotation) Title() string { return a.title }

// Message may have several lines.
func (a Annotation) Message() string { return a.message }
