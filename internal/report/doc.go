// Package report renders results: Markdown, HTML, terminal, JUnit XML, annotations,
// and live progress. Renderers are pure: no network, no clock, no map order. All test
// text goes through safetext.
//
// Markdown is made of [Part] values, which [Compose] puts together within a number
// of bytes. A pull request comment is the same parts in a smaller frame.
package report
