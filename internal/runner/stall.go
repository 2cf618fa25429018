package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

// Patience is how long nothing may happen in a batch: no output, no event of a test, next to no CPU time.
type Patience struct {
	// Say is until the gate says so, and Dump until it takes a thread dump too; after that it does so again each
	// time as much has passed. Zero: the defaults.
	Say, Dump time.Duration
	// Look is how often the CPU time is looked at, and Wait how long a thread dump may take.
	Look, Wait time.Duration
}

// The defaults of [Patience].
const (
	sayAfter  = time.Minute
	dumpAfter = 5 * time.Minute
	lookEvery = 2 * time.Second
	dumpWait  = 10 * time.Second
)

// idleShare is the share of one processor below which a batch does nothing: timers and garbage collectors
// of processes that only wait take less.
const idleShare = 0.05

// errStalled is the cause of a context that ended because nothing happened.
var errStalled = errors.New("nothing happened")

func (p Patience) withDefaults() Patience {
	for _, d := range []struct {
		value *time.Duration
		usual time.Duration
	}{{&p.Say, sayAfter}, {&p.Dump, dumpAfter}, {&p.Look, lookEvery}, {&p.Wait, dumpWait}} {
		if *d.value <= 0 {
			*d.value = d.usual
		}
	}
	return p
}

// stillness decides from what is seen of a batch whether something happens in it. It asks no clock.
type stillness struct {
	patience Patience
	// end is after how much time the batch is ended; 0: never.
	end time.Duration
	// last is when something happened, and happened the count that was seen then.
	last     time.Time
	happened int64
	// spent is the CPU time, and seen when it was looked at.
	spent time.Duration
	seen  time.Time
	// said is how long nothing had happened when that was last said.
	said time.Duration
}

// step is what to do now.
type step struct {
	// quiet is how long nothing has happened.
	quiet          time.Duration
	say, dump, end bool
}

// look takes what is known at a time. cpu is asked only while nothing else happens; false: it is not known.
func (s *stillness) look(now time.Time, happened int64, cpu func() (time.Duration, bool)) step {
	if s.last.IsZero() || happened != s.happened {
		s.last, s.happened, s.said, s.seen = now, happened, 0, time.Time{}
		return step{}
	}
	due := s.end > 0 && now.Sub(s.last) >= s.end
	if since := now.Sub(s.seen); s.seen.IsZero() || since >= s.patience.Look || due && since > 0 {
		spent, known := cpu()
		busy := known && !s.seen.IsZero() && spent-s.spent > time.Duration(idleShare*float64(since))
		s.spent, s.seen = spent, now
		if busy {
			s.last, s.said = now, 0
			return step{}
		}
	}
	st := step{quiet: now.Sub(s.last)}
	st.end = s.end > 0 && st.quiet >= s.end
	st.dump = st.end || st.quiet >= s.patience.Dump && s.said < s.patience.Dump*(st.quiet/s.patience.Dump)
	st.say = st.dump || st.quiet >= s.patience.Say && s.said < s.patience.Say
	if st.say {
		s.said = st.quiet
	}
	return st
}

// stall is what is known of a batch that was ended because nothing happened in it.
type stall struct {
	running []attempts.Hanging
	text    string
	// dumps are the files of thread dumps, and where says where they are.
	dumps []string
	where string
}

// look looks whether something happens in the batch, and says so if not for too long.
func (l *live) look() {
	p := l.process.Load()
	if p == nil || l.stalled != nil {
		return
	}
	st := l.still.look(l.u.s.r.cfg.Now(), l.happened.Load(), p.CPU)
	if !st.say {
		return
	}
	hanging, names := l.hanging()
	text := fmt.Sprintf("nothing from shard %d for %s; %s", l.u.s.plan.Index, span(st.quiet), isRunning(names))
	var dumps []string
	var where string
	if st.dump {
		if dumps, where = l.dump(p, st.end); where != "" {
			text += "; " + where
		}
	}
	if st.end {
		l.stalled = &stall{hanging, text, dumps, where}
		text += fmt.Sprintf("; the stall_timeout of suite %s is %s, so the batch is ended", l.u.suite.Spec.Name, span(l.still.end))
	}
	_, _ = fmt.Fprintf(l.u.safe, "\ne2e-gate: %s\n", text)
	ev := l.u.event(e2e.BatchStalls)
	ev.Text = text
	l.u.s.r.cfg.Progress(ev)
	if st.end {
		l.cancel(errStalled)
	}
}

// span is a duration for people: "60 s", "5m 00s".
func span(d time.Duration) string {
	switch s := d.Seconds(); {
	case s < 1:
		return fmt.Sprintf("%.2f s", s)
	case s < 120:
		return fmt.Sprintf("%.0f s", s)
	default:
		return fmt.Sprintf("%dm %02ds", int(s)/60, int(s)%60)
	}
}

// maxHanging bounds how many running tests a message names.
const maxHanging = 3

// isRunning is "`a` is running", or "`a`, `b` and 2 more are running".
func isRunning(names []string) string {
	if len(names) == 0 {
		return "it is not known which test is running"
	}
	var quoted []string
	for _, n := range names[:min(len(names), maxHanging)] {
		quoted = append(quoted, "`"+n+"`")
	}
	text := strings.Join(quoted, ", ")
	if more := len(names) - len(quoted); more > 0 {
		return fmt.Sprintf("%s and %d more are running", text, more)
	}
	return text + map[bool]string{true: " is running", false: " are running"}[len(names) == 1]
}

// hanging are the planned tests that run, and what messages call what runs.
func (l *live) hanging() (list []attempts.Hanging, names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.u.s.r.cfg.Now()
	for _, one := range l.running {
		names = append(names, l.id(one.test, one.part))
		known := slices.ContainsFunc(list, func(h attempts.Hanging) bool { return h.Name == one.test })
		if _, i := l.planned(one.test); i >= 0 && !known {
			list = append(list, attempts.Hanging{Name: one.test, Ended: int(l.ends[i]), Started: one.since.UTC(), Seconds: now.Sub(one.since).Seconds()})
		}
	}
	return list, names
}

// settle says what became of the tests of a batch that was ended because it stalled.
func (u *running) settle(rep *suite.Report) {
	st := u.live.stalled
	if st == nil || u.batch {
		return
	}
	text := fmt.Sprintf("stalled: nothing happened for %s (stall_timeout of suite %s) while it ran: no output, no test that started or ended",
		span(u.live.still.end), u.suite.Spec.Name)
	var evidence []e2e.Evidence
	if st.where != "" {
		evidence = append(evidence, e2e.Evidence{Kind: e2e.EvidenceState, Text: st.where, Source: "thread dump"})
	}
	tests, notRun, lost := attempts.Stalled(attempts.Stall{
		Planned: adapter.PlannedOf(u.tests), Running: st.running, Tests: rep.Tests, Message: text, Files: st.dumps, Evidence: evidence,
	})
	rep.Tests, u.unproven = tests, lost
	if u.attempt > 1 {
		return
	}
	u.settled = set(notRun)
	u.s.notRun(slices.DeleteFunc(slices.Clone(u.tests), func(t e2e.Test) bool { return !u.settled[t.ID] }), e2e.CodeStalled,
		fmt.Sprintf("batch %s was ended because %s", u.record.Unit, st.text))
}

// maxDump bounds one thread dump, in bytes.
const maxDump = 4 << 20

// dump takes thread dumps of what can give them. It returns the files, and says where they are; empty: there are
// none. final: the process is ended afterwards, so that it may as well end by it.
func (l *live) dump(p *proc.Process, final bool) (files []string, where string) {
	inv, _ := l.u.invocation.(adapter.Dumper)
	if inv == nil {
		return nil, ""
	}
	ctx, stop := context.WithTimeout(context.Background(), l.still.patience.Wait)
	defer stop()
	for _, d := range inv.Dumps(adapter.DumpRequest{Context: ctx, Process: p, Env: l.u.env, Final: final}) {
		if file, err := l.keep(d); err == nil && file != "" {
			files = append(files, file)
		}
	}
	switch {
	case len(files) > 0:
		return files, "thread dump in " + l.u.listed(files[0])
	case final && inv.Prints():
		return nil, "thread dump in " + l.u.record.Log
	}
	return nil, ""
}

// keep writes a dump into the folder of evidence, without secrets.
func (l *live) keep(d adapter.Dump) (string, error) {
	if strings.TrimSpace(d.Text) == "" {
		return "", nil
	}
	l.dumped++
	name := filepath.Join(l.u.folder, "evidence", fmt.Sprintf("thread-dump-%d.txt", l.dumped))
	log, err := proc.OpenLog(l.u.s.r.cfg.Out, name)
	if err != nil {
		return "", err
	}
	safe := l.u.s.r.cfg.Redact(log)
	_, err = io.WriteString(safe, d.Title+"\n\n"+d.Text[:min(len(d.Text), maxDump)]+"\n")
	return filepath.Join(l.u.s.r.cfg.Out, name), errors.Join(err, safe.Close(), log.Close())
}

// set holds ids, of which a batch may have a million.
func set(list []string) map[string]bool {
	all := make(map[string]bool, len(list))
	for _, id := range list {
		all[id] = true
	}
	return all
}
