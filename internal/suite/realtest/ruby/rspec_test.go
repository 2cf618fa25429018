// Package ruby tests the adapter of RSpec with the real framework.
package ruby

import (
	"fmt"
	"maps"
	"os/exec"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// rspec is the system's, with rspec-retry.
func rspec(t *testing.T, _ string) []string {
	t.Helper()
	const install = "apt-get install ruby-rspec ruby-rspec-retry"
	need.Tool(t, "rspec", install)
	if err := exec.CommandContext(t.Context(), need.Tool(t, "ruby", install), "-e", `require "rspec/retry"`).Run(); err != nil {
		need.Missing(t, "rspec-retry is not installed; "+install)
	}
	return nil
}

func TestExamples(t *testing.T) {
	realsuite.Examples(t, realsuite.Example{
		Name: "rspec", Install: rspec,
		Failed:  []string{"spec/cases_spec.rb::Review counts approvals", "spec/hooks_spec.rb::with a session reads"},
		Flaky:   []string{"spec/cases_spec.rb::Review notifies", "spec/repeated_spec.rb::Late is repeated"},
		Skipped: []string{"spec/cases_spec.rb::Review is audited", "spec/cases_spec.rb::Review archives"},
		Crashes: "spec/cases_spec.rb::Review escalates", Before: "spec/cases_spec.rb::Review counts approvals",
	})
}

func TestContract(t *testing.T) { realsuite.PlayContract(t, "rspec", rspec) }

// TestRSpec holds what only some suites do.
func TestRSpec(t *testing.T) {
	const clean = "RSpec.describe('s') { it('a') { }; it('b') { } }\n"
	for _, tc := range []realsuite.Trick{
		{Name: "a file that does not load", Files: map[string]string{"spec/a_spec.rb": clean, "spec/b_spec.rb": "nonsense(\n"},
			Listing: "An error occurred while loading ./spec/b_spec.rb. SyntaxError", Want: "spec/a_spec.rb::s a passed, spec/a_spec.rb::s b passed"},
		{Name: "a forgotten focus",
			Files: map[string]string{".rspec": "--require ./helper\n", "spec/a_spec.rb": clean + "RSpec.fdescribe('f') { it('c') { } }\n",
				"helper.rb": "RSpec.configure { |c| c.filter_run_when_matching :focus; c.filter_run focus: true; c.run_all_when_everything_filtered = true }\n"},
			Want: "spec/a_spec.rb::f c passed, spec/a_spec.rb::s a passed, spec/a_spec.rb::s b passed"},
		{Name: "one of many names",
			Files: map[string]string{"spec/a_spec.rb": clean + "RSpec.describe('s') { it('a b') { raise }; it('A') { raise }; context('x') { it('a') { raise } } }\n",
				"spec/b_spec.rb": "raise 'not needed' unless ENV['E2E_GATE_SELECTION'].to_s.empty?\n" + clean},
			Only: "spec/a_spec.rb::s a", Want: "spec/a_spec.rb::s a passed"},
		{Name: "hooks of a group",
			Files: map[string]string{"spec/a_spec.rb": "RSpec.describe('s') { before(:context) { raise 'no session' }; it('a') { }; context('n') { it('b') { } } }\n" +
				"RSpec.describe('t') { after { raise 'left over' }; it('a') { } }\n"},
			Want: "spec/a_spec.rb::s a failed, spec/a_spec.rb::s n b failed, spec/a_spec.rb::t a failed", Message: "no session"},
		{Name: "a hook after a group", Files: map[string]string{"spec/a_spec.rb": "RSpec.describe('s') { after(:context) { raise 'left over' }; it('a') { } }\n"},
			Want: "spec/a_spec.rb::s a passed", Problem: "An error occurred in an `after(:context)` hook. RuntimeError: left over"},
		{Name: "a hook before the suite", Files: map[string]string{"spec/a_spec.rb": "RSpec.configure { |c| c.before(:suite) { raise 'no database' } }\n" + clean},
			Want: "spec/a_spec.rb::s a lost, spec/a_spec.rb::s b lost", Problem: "no database"},
		{Name: "skips and expected failures",
			Files:   map[string]string{"spec/a_spec.rb": "RSpec.describe('s') { xit('a') { }; it('b') { pending 'bug'; raise }; it('c') { pending 'fixed bug' }; it 'd' }\n"},
			Message: "Temporarily skipped with xit",
			Want:    "spec/a_spec.rb::s a skipped, spec/a_spec.rb::s b skipped, spec/a_spec.rb::s c failed, spec/a_spec.rb::s d skipped"},
		{Name: "two examples of one name that are repeated",
			Files: map[string]string{"spec/a_spec.rb": "require 'rspec/retry'\nn = 0\nRSpec.describe('s') { 2.times { it('a', retry: 2) { raise 'boom' if (n += 1).odd? } } }\n"},
			Want:  "spec/a_spec.rb::s a flaky", Attempts: "#1 failed first, #1 passed framework, #2 failed first, #2 passed framework",
			Message: "boom", Problem: "several tests share one id"},
		{Name: "fail-fast in the config", Files: map[string]string{".rspec": "--fail-fast\n", "spec/a_spec.rb": "RSpec.describe('s') { it('a') { raise 'boom' }; it('b') { } }\n"},
			Want: "spec/a_spec.rb::s a failed, spec/a_spec.rb::s b passed", Message: "boom"},
		{Name: "a dry run by .rspec", Files: map[string]string{".rspec": "--dry-run\n", "spec/a_spec.rb": clean},
			Want: "spec/a_spec.rb::s a lost, spec/a_spec.rb::s b lost", Problem: "with --dry-run no example runs"},
		{Name: "groups that a helper declares", Files: map[string]string{
			"spec/support/helper.rb": "def cases(name, &more) = RSpec.describe(name) { it('a') { }; class_eval(&more) }\n",
			"spec/a_spec.rb":         "require_relative 'support/helper'\ncases('s') { it('b') { fail 'boom' } }\n",
			"spec/b_spec.rb":         "require_relative 'support/helper'\ncases('s') { it('b') { } }\n"},
			Want: "spec/a_spec.rb::s a passed, spec/a_spec.rb::s b failed, spec/b_spec.rb::s a passed, spec/b_spec.rb::s b passed", Message: "boom"},
		{Name: "an exit status of its own", Files: map[string]string{"spec/a_spec.rb": "at_exit { exit! 7 } unless ARGV.include?('--dry-run')\n" + clean},
			Want: "spec/a_spec.rb::s a passed, spec/a_spec.rb::s b passed", Problem: "exit status 7 although no test failed"},
		{Name: "an exit status of its own beside a failure", Files: map[string]string{
			"spec/a_spec.rb": "at_exit { exit! 7 } unless ARGV.include?('--dry-run')\nRSpec.describe('s') { it('a') { fail 'boom' }; it('b') { } }\n"},
			Want: "spec/a_spec.rb::s a failed, spec/a_spec.rb::s b passed", Message: "boom",
			Problem: "exit status 7, which its failed tests do not explain: its status for those is 1"},
		{Name: "a status for failures of its own", Files: map[string]string{
			"spec/a_spec.rb": "RSpec.configure { |c| c.failure_exit_code = 42 }\nRSpec.describe('s') { it('a') { fail 'boom' }; it('b') { } }\n"},
			Want: "spec/a_spec.rb::s a failed, spec/a_spec.rb::s b passed", Message: "boom"},
		{Name: "screenshots and odd names",
			Files: map[string]string{"spec/[a] b_spec.rb": "RSpec.describe('s') { it(%q(\"q\" 'a' *?[]{} é)) { |e| e.metadata[:screenshot] = {image: 'shot.png'}; raise '[[ATTACHMENT|page.html]]' } }\n",
				"shot.png": "png", "page.html": "<p>"},
			Want: "spec/[a] b_spec.rb::s \"q\" 'a' *?[]{} é failed", Kept: 2},
		{Name: "tags that choose", Args: []string{"--tag", "~slow"}, Files: map[string]string{"spec/a_spec.rb": "RSpec.describe('s') { it('a', :slow) { }; it('b') { } }\n"},
			Want: "spec/a_spec.rb::s b passed"},
	} {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			rspec(t, "")
			tc.Spec = suite.Spec{Name: "s", Framework: "rspec", Args: tc.Args}
			tc.Play(t)
		})
	}
}

// TestOdd: files and tests of odd names, 5000 tests in a file, and tests that print what the gate reads.
func TestOdd(t *testing.T) {
	rspec(t, "")
	o := realsuite.OddSuite{
		Spec: suite.Spec{Name: "s", Framework: "rspec"}, Titled: true,
		File: func(name string) string { return "spec/" + name + "_spec.rb" },
		Source: func(cases []realsuite.OddCase) string {
			var text strings.Builder
			fmt.Fprintf(&text, "forged = %s\nRSpec.describe('odd') do\n", ruby(realsuite.Forged))
			for _, c := range cases {
				body := ""
				if c.Fails {
					body = fmt.Sprintf(" STDOUT.write(forged); STDERR.write(forged); raise 'case %d.' ", c.N)
				}
				fmt.Fprintf(&text, "  it(%s) {%s}\n", ruby(c.Title), body)
			}
			return text.String() + "end\n"
		},
	}
	o.Play(t)
}

// ruby is a string of Ruby.
func ruby(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}

// TestRefused: a config that does not load is named.
func TestRefused(t *testing.T) {
	rspec(t, "")
	const test = "RSpec.describe('a') { it('b') { } }\n"
	for name, tc := range map[string]struct {
		files map[string]string
		words []string
	}{
		"an option that there is not": {map[string]string{".rspec": "--nonsense\n"}, []string{"invalid option: --nonsense (defined in ./.rspec)"}},
		"a helper that raises": {map[string]string{".rspec": "--require spec_helper\n", "spec/spec_helper.rb": "\nraise 'no such stage'\n"},
			[]string{"no such stage", "spec/spec_helper.rb:2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"spec/a_spec.rb": test}
			maps.Copy(files, tc.files)
			realsuite.Refused(t, realsuite.Trick{Spec: suite.Spec{Name: "s", Framework: "rspec"}, Files: files}, nil, tc.words...)
		})
	}
}

// TestOnlyFailures refuses what takes its examples from an earlier run.
func TestOnlyFailures(t *testing.T) {
	rspec(t, "")
	realsuite.Refused(t, realsuite.Trick{Spec: suite.Spec{Name: "s", Framework: "rspec"}, Files: map[string]string{
		".rspec": "--only-failures\n", "states.txt": "example_id | status |\n-- | -- |\n./spec/a_spec.rb[1:1] | failed |\n./spec/a_spec.rb[1:2] | passed |\n",
		"spec/a_spec.rb": "RSpec.configure { |c| c.example_status_persistence_file_path = 'states.txt' }\nRSpec.describe('s') { it('a') { }; it('b') { } }\n",
	}}, nil, "with --only-failures most examples are left out")
}
