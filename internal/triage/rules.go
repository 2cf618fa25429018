package triage

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
)

// Rule is a rule of the user. It takes precedence over all built-in rules.
type Rule struct {
	Category e2e.Category `yaml:"category" doc:"Category of failures that the rule matches: PRODUCT_REGRESSION, TEST_BUG, ENVIRONMENT_FAILURE, FLAKY_TIMING, DATA_COLLISION, EXTERNAL_DEPENDENCY or UNKNOWN."`
	When     When         `yaml:"when" doc:"Conditions that must all match. Regular expressions (RE2) may match anywhere."`
	Why      string       `yaml:"why" doc:"The reason, in a few words; shown as evidence."`
	Cause    string       `yaml:"cause" doc:"Cause, in a few words. Default: why."`
	NextStep string       `yaml:"next_step" doc:"What to do about it. Default: the step for the category."`
}

// When says which failures a rule matches.
type When struct {
	Message   string `yaml:"message" doc:"Must match in the failure message."`
	Details   string `yaml:"details" doc:"Must match in a line of stack trace or output."`
	Text      string `yaml:"text" doc:"Must match in the message or in a line of the details."`
	Test      string `yaml:"test" doc:"Must match in the test's id or name."`
	Framework string `yaml:"framework" doc:"Must match in the framework's name."`
	Rerun     string `yaml:"rerun" doc:"The diagnostic rerun: passed, failed or none."`
	Health    string `yaml:"health" doc:"Health while the test ran: ok, degraded or failed."`
}

type compiledRule struct {
	Rule
	number                                  int
	message, details, text, test, framework *regexp.Regexp
}

// Validate returns everything that is wrong with rules, in their order.
func Validate(rules []Rule) []diag.Mistake {
	_, problems := compile(rules)
	return problems
}

func compile(rules []Rule) ([]compiledRule, []diag.Mistake) {
	var compiled []compiledRule
	var problems []diag.Mistake
	for i, r := range rules {
		c := compiledRule{Rule: r, number: i + 1}
		at := fmt.Sprintf("rules[%d]", i)
		problems = append(problems, checkWords(at, r)...)
		for _, f := range []struct {
			word, text string
			to         **regexp.Regexp
		}{
			{"message", r.When.Message, &c.message}, {"details", r.When.Details, &c.details}, {"text", r.When.Text, &c.text},
			{"test", r.When.Test, &c.test}, {"framework", r.When.Framework, &c.framework},
		} {
			if f.text == "" {
				continue
			}
			re, err := regexp.Compile(f.text)
			if err != nil {
				problems = append(problems, diag.Mistake{
					Path: at + ".when." + f.word, Text: "bad regular expression: " + clean(err.Error(), maxQuote), Hint: "use RE2 syntax",
				})
			}
			*f.to = re
		}
		compiled = append(compiled, c)
	}
	return compiled, problems
}

func checkWords(at string, r Rule) []diag.Mistake {
	var problems []diag.Mistake
	if r.When == (When{}) {
		problems = append(problems, diag.Mistake{
			Path: at + ".when", Text: "the rule matches everything", Hint: "give it a message, details, text, test, framework, rerun or health",
		})
	}
	categories := make([]string, 0, 7)
	for _, c := range e2e.Categories() {
		categories = append(categories, string(c))
	}
	for _, f := range []struct {
		path, word string
		allowed    []string
		optional   bool
	}{
		{at + ".category", string(r.Category), categories, false},
		{at + ".when.rerun", r.When.Rerun, rerunWords, true},
		{at + ".when.health", r.When.Health, healthWords, true},
	} {
		if !allowed(f.word, f.allowed) && (f.word != "" || !f.optional) {
			problems = append(problems, diag.Mistake{Path: f.path, Text: fmt.Sprintf("unknown word %q", f.word), Hint: diag.Expected(f.word, f.allowed)})
		}
	}
	return problems
}

// byRule applies the first of the user's rules that matches.
func (t *Triager) byRule(in Input, d *document) (Result, bool) {
	for i := range t.rules {
		if quotes, ok := t.rules[i].match(in, d); ok {
			return t.rules[i].result(in, quotes), true
		}
	}
	return Result{}, false
}

// match reports whether every condition holds, and quotes what it holds for.
func (r *compiledRule) match(in Input, d *document) (quotes []string, ok bool) {
	if r.When.Rerun != "" && r.When.Rerun != string(rerunOf(in)) || r.When.Health != "" && r.When.Health != string(d.health) {
		return nil, false
	}
	if r.When.Rerun != "" {
		quotes = append(quotes, "rerun: "+r.When.Rerun)
	}
	if r.When.Health != "" {
		quotes = append(quotes, "health: "+r.When.Health)
	}
	for _, f := range []struct {
		re    *regexp.Regexp
		label string
		text  string
	}{{r.test, "test", in.ID + " " + in.Test}, {r.framework, "framework", in.Framework}} {
		if f.re == nil {
			continue
		}
		m := f.re.FindStringIndex(f.text)
		if m == nil {
			return nil, false
		}
		quotes = append(quotes, f.label+": "+quote(f.text[m[0]:m[1]]))
	}
	for _, f := range []struct {
		re   *regexp.Regexp
		from source
	}{{r.message, fromMessage}, {r.details, fromDetails}, {r.text, fromAny}} {
		if f.re == nil {
			continue
		}
		q, found := d.find(f.re, f.from)
		if !found {
			return nil, false
		}
		quotes = append(quotes, q)
	}
	return quotes, true
}

func (r *compiledRule) result(in Input, quotes []string) Result {
	why := clean(r.Why, maxQuote)
	title := fmt.Sprintf("rule %d of triage.rules", r.number)
	if why != "" {
		title += " (" + why + ")"
	}
	cause := clean(r.Cause, maxQuote)
	if cause == "" {
		cause = why
	}
	next := clean(r.NextStep, maxText)
	if next == "" {
		next = nextStep(r.Category, causeWord(cause), "")
	}
	return Result{
		ID: in.ID, Category: r.Category, Cause: cause, Confidence: e2e.ConfidenceHigh,
		Evidence: append([]string{title}, quotes...), NextStep: next,
	}
}

// causeWord is the domain's word at the start of a cause: "timing: ..." is timing.
func causeWord(cause string) string {
	word, _, _ := strings.Cut(cause, ":")
	return word
}
