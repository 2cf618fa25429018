package triage

import (
	"fmt"
	"strings"
	"testing"
)

// failures makes n failures with details of about 4 KiB, as suites leave them.
func failures(n int) []Input {
	cases := concatCases()
	inputs := make([]Input, n)
	for i := range inputs {
		in := cases[i%len(cases)].input()
		in.ID = fmt.Sprintf("suite/class%d::test%d", i%50, i)
		var b strings.Builder
		b.WriteString(in.Details)
		for j := 0; b.Len() < 4<<10; j++ {
			switch j % 4 {
			case 0:
				fmt.Fprintf(&b, "\n\tat com.acme.cases.service.CaseService$Inner.method%d(CaseService.java:%d)", j, j)
			case 1:
				fmt.Fprintf(&b, "\n2026-03-01 12:00:%02d.123  INFO 1 --- [main] com.acme.Case : case C-%d moved to state ACCEPTED", j%60, j)
			case 2:
				fmt.Fprintf(&b, "\n\tat org.springframework.web.servlet.DispatcherServlet.doDispatch(DispatcherServlet.java:%d)", j)
			default:
				fmt.Fprintf(&b, "\n  GET http://case-api:8080/cases/%d -> 200 in %d ms", j, j)
			}
		}
		in.Details = b.String()
		inputs[i] = in
	}
	return inputs
}

func BenchmarkTriage10000(b *testing.B) {
	inputs := failures(10_000)
	t := &Triager{}
	b.ReportAllocs()
	for b.Loop() {
		for i := range inputs {
			t.Triage(inputs[i])
		}
	}
}

func BenchmarkAll10000(b *testing.B) {
	inputs := failures(10_000)
	t := &Triager{}
	for b.Loop() {
		t.All(inputs)
	}
}
