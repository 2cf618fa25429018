// Package junit reads JUnit XML reports as frameworks really write them: as a
// stream, within fixed memory, and without losing what they say.
//
// # How a report is read
//
// The bytes go through four steps. [Read] sniffs the encoding and makes UTF-8 of
// it. A tolerant scanner, our own, cuts markup from text over one window of
// 64 KiB: it repairs what it can (a bare ampersand, a control character, a log
// line before the first tag) and reports every departure from well-formed XML as
// a [Problem]. A builder makes a [Case] of every <testcase> element, wherever it
// stands. Then github.com/joshdk/go-junit reads each case that has content once
// more, from its raw bytes, and must agree.
//
// # Where go-junit reads, and where not
//
// go-junit v1.0.0 wants the whole document, well-formed, in UTF-8, and keeps it in
// memory several times over; of several failures in a case it keeps the last, it
// drops <flakyFailure>, case properties and suite errors, reads 1,5 seconds as 15,
// and costs about 25 microseconds for each small case. So it is given what it
// reads well: one case at a time, cut out of the stream, with at least one
// <failure>, <error> or <skipped> and no departure from XML in it, up to 1 MiB of
// such cases per report and a twentieth of its size (see
// confirm.go). If the two readers differ on the status, the case counts as an
// error and the report as damaged. A passed case without content has nothing that
// a second reader could see.
//
// # What is a problem, and which problems lose evidence
//
// A problem loses evidence when a case may be missing or may have ended
// differently from what was read: a truncated or unreadable file, a case that was
// never closed, a failure directly under a suite, an empty file, a file that is
// not a JUnit report. Everything that was recovered in full is a problem as well,
// but one that loses nothing.
//
// Counts that suites declare are compared with what was found in the innermost suites,
// since those around them count the tests of others. Evidence is lost where a suite
// declares more failures and errors than it has, of any kind, or more tests than it has
// cases, beyond those that it or a suite around it declares as skipped or filtered.
// Everything else is no loss: real producers count differently. jest does not count
// suites that did not compile, so there may be more cases than declared; pytest counts
// subtests that it does not list, Catch2 assertions, and testem the tests of other
// partitions, so fewer cases are expected of these.
//
// An element of a case that is not known, such as <todo>, is a problem that names it: it may
// say that the case did not pass.
//
// # Times
//
// Seconds are decimal numbers, with thousands separators ("1,234.5", "1.234,5",
// "1,234"), a decimal comma ("1,5", "0,123"), an exponent ("1e3"), a Go duration
// ("0.5s", "120ms") or a clock ("0:01:30"). "1,234" is ambiguous: what
// the other times of the report say decides ([Summary.DecimalComma]); where none does it is
// read as 1234, as Surefire means it. A negative time, NaN, an infinity, more than a
// billion seconds and everything else is 0 with a problem that loses nothing. A
// timestamp without a zone is taken as UTC.
package junit
