package history

import (
	"errors"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestReadImported(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       string
		outcome    e2e.Outcome
		seconds    float64
		n          int
	}{
		{"go test", "{\"Action\":\"start\",\"Package\":\"p\"}\n{\"Action\":\"pass\",\"Package\":\"p\",\"Test\":\"TestA\",\"Elapsed\":1.5}\nnoise\n{\"Action\":\"pass\",\"Package\":\"p\",\"Test\":\"TestA/sub\",\"Elapsed\":1}\n{\"Action\":\"pass\",\"Package\":\"p\",\"Elapsed\":2}\n", "p::TestA", e2e.Passed, 1.5, 1},
		{"pytest-split", `{"tests/test_a.py::test_x[1]": 0.25}`, "tests/test_a.py::test_x[1]", e2e.Passed, 0.25, 1},
		{"cypress-split", `{"durations":[{"spec":"cypress/e2e/a.cy.js","duration":1500}]}`, "cypress/e2e/a.cy.js", e2e.Passed, 1.5, 1},
		{"playwright", `{"config":{},"suites":[{"title":"a.spec.ts","suites":[{"title":"Checkout","specs":[{"title":"buys","file":"a.spec.ts","tests":[{"projectName":"chromium","status":"flaky","results":[{"duration":10,"status":"failed"},{"duration":2000,"status":"passed"}]}]}]}]}]}`, "[chromium] a.spec.ts::Checkout › buys", e2e.Flaky, 2, 1},
		{"CSV", "\xef\xbb\xbfid,test,seconds\n1,a,2\n2,b\n3,c,x\n4,d,-1\n", "a", e2e.Passed, 2, 1},
	} {
		list, err := ReadImported([]byte(tc.text))
		if err != nil || len(list) != tc.n || list[0].Names[0] != tc.want || list[0].Outcome != tc.outcome || list[0].Seconds != tc.seconds {
			t.Errorf("%s: %+v %v", tc.name, list, err)
		}
	}
	for _, text := range []string{"", "hello", "[]", "{}", "null", "1", `{"a":"b"}`, "a,b\n1,2\n"} {
		if list, err := ReadImported([]byte(text)); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %+v %v", text, list, err)
		}
	}
}

func FuzzReadImported(f *testing.F) {
	f.Add([]byte(`{"a": 1}`))
	f.Add([]byte("test,seconds\na,1\n"))
	f.Add([]byte(`{"Action":"pass","Test":"T"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := ReadImported(data)
		if err != nil && list != nil {
			t.Errorf("%v with an error", list)
		}
		for _, one := range list {
			if len(one.Names) == 0 {
				t.Errorf("%+v has no name", one)
			}
		}
	})
}
