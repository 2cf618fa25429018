package expect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBroken(t *testing.T) {
	const text = "CaseSubmitted < CaseAccepted; once CaseAccepted; never CaseRejected\neventually Notified;;"
	rules, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for events, want := range map[string]string{
		"CaseSubmitted, CaseAccepted, Notified":                  "",
		`["CaseSubmitted","CaseAccepted","Notified","Notified"]`: "",
		"CaseSubmitted -> CaseAccepted → Notified":               "",
		"CaseSubmitted, Notified":                                "CaseSubmitted < CaseAccepted: CaseAccepted is missing|once CaseAccepted: CaseAccepted is missing",
		"CaseAccepted, CaseSubmitted, CaseAccepted": "CaseSubmitted < CaseAccepted: CaseAccepted came first|" +
			"once CaseAccepted: CaseAccepted came 2 times|eventually Notified: Notified is missing",
		"[CaseSubmitted, 'CaseAccepted', \"CaseRejected\", Notified]": "never CaseRejected: CaseRejected came",
		"": "CaseSubmitted < CaseAccepted: CaseSubmitted is missing|" +
			"once CaseAccepted: CaseAccepted is missing|eventually Notified: Notified is missing",
	} {
		if got := strings.Join(Broken(rules, Events(events)), "|"); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", events, got, want)
		}
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "there is no rule; write A < B, once A, never A or eventually A",
		" ; \n":                              "there is no rule; write A < B, once A, never A or eventually A",
		"once A; twice B":                    `rule 2 is "twice B"; write A < B, once A, never A or eventually A`,
		"A <":                                `rule 1 is "A <"; write A < B, once A, never A or eventually A`,
		strings.Repeat("once A;", 65):        "there are more than 64 rules; split the test",
		strings.Repeat("x", maxText) + "yyy": "the text is longer than 65536 bytes; name fewer events",
	} {
		if _, err := Parse(text); fmt.Sprint(err) != want {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
	}
}

func TestEventsAreBounded(t *testing.T) {
	if got := len(Events(strings.Repeat("a,", 3*maxEvents))); got != maxEvents {
		t.Errorf("%d events", got)
	}
	if got := len(Events("[" + strings.Repeat(`"a",`, 2*maxEvents) + `"a"]`)); got != maxEvents {
		t.Errorf("%d events of JSON", got)
	}
	if diff := cmp.Diff([]string{"A", "B"}, Events(" A,\n\"B\" ,, ")); diff != "" {
		t.Error(diff)
	}
}

func FuzzExpect(f *testing.F) {
	f.Add("A < B; once C", "[\"A\",\"B\"]")
	f.Fuzz(func(t *testing.T, rules, events string) {
		list, err := Parse(rules)
		if err != nil {
			return
		}
		if got := Broken(list, Events(events)); len(got) > len(list) {
			t.Errorf("%d of %d rules", len(got), len(list))
		}
		for _, r := range list {
			again, err := Parse(r.String())
			if err != nil || len(again) != 1 || again[0] != r {
				t.Errorf("%s is read as %v: %v", r, again, err)
			}
		}
	})
}
