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
// Counts that suites declare are compared with what was found, with care, because
// real producers count differently: pytest counts subtests that it does not list,
// Catch2 counts assertions, mocha counts pending tests that it leaves out, jest
// does not count suites that did not compile. So more cases than declared are not
// a problem. Fewer cases are a problem that loses nothing, except where failures or
// all cases could be hidden: in a suite that declares failures or errors but has
// none of any kind, and in a suite without cases that declares tests, more than it
// or a suite around it declares as skipped.
//
// # Times
//
// Seconds are decimal numbers, with thousands separators ("1,234.5", "1.234,5",
// "1,234"), a decimal comma ("1,5", "0,123"), an exponent ("1e3"), a Go duration
// ("0.5s", "120ms") or a clock ("0:01:30"). "1,234" is ambiguous and is read as
// 1234, as Surefire means it. A negative time, NaN, an infinity, more than a
// billion seconds and everything else is 0 with a problem that loses nothing. A
// timestamp without a zone is taken as UTC.
package junit
