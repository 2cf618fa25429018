// Package safetext turns untrusted text (test names, messages, logs,
// branch names, reports) into Markdown, HTML, terminal text, log lines and data of
// workflow commands. Nothing else in the gate prints such text.
//
// Every function starts from [Clean]: valid UTF-8 without escape sequences,
// control characters and invisible characters, which are shown as what they are.
// Then each form neutralises what is dangerous there:
//
//   - Markdown: only character references, which no parser reads as structure;
//     mentions, issue references and bare links are split by an empty element,
//     because GitHub looks for them in the rendered text. "<!--" is never emitted,
//     not even inside code, where a reader of our own marker would find it.
//   - Slack: what formats where it stands becomes a character that looks like it.
//   - logs: "::" never starts a line and "##[" is nowhere; a space goes between.
//   - annotations: no code points above U+FFFF, which the checks API mangles.
//
// Limits are in bytes of the text before it is escaped. Text is cut at rune
// borders, with "…" and how much is missing, and before any work is done on it: 10
// MB cost no more than what is shown of them.
//
// [Redactor] masks secrets, before anything else.
package safetext
