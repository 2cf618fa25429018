package junit

import "math"

// FileReport is what `report --format json` says of one file.
type FileReport struct {
	Path string `json:"path"`
	Counts
	Problems []Problem `json:"problems"`
}

// Report is the document of `report --format json`.
type Report struct {
	Files  []FileReport `json:"files"`
	Totals Counts       `json:"totals"`
}

// Files reads reports and counts. Nothing that is wrong with a file is an error:
// it is a problem of that file.
func Files(paths []string, opts Options) Report {
	r := Report{Files: make([]FileReport, 0, len(paths))}
	for _, path := range paths {
		// The callbacks return no error, so there is none to return.
		sum, _ := ReadFile(path, Options{MaxBytes: opts.MaxBytes, Root: opts.Root}, func(Case) error { return nil })
		f := FileReport{Path: path, Counts: sum.Counts, Problems: sum.Problems}
		if f.Problems == nil {
			f.Problems = []Problem{}
		}
		f.Seconds = toMicros(f.Seconds)
		r.Files = append(r.Files, f)
		r.Totals.sum(f.Counts)
	}
	r.Totals.Seconds = toMicros(r.Totals.Seconds)
	return r
}

// LosesEvidence reports whether any file lost evidence: the command then ends
// with status 3.
func (r Report) LosesEvidence() bool {
	for _, f := range r.Files {
		if (Summary{Problems: f.Problems}).LosesEvidence() {
			return true
		}
	}
	return false
}

func (n *Counts) sum(o Counts) {
	n.Tests += o.Tests
	n.Passed += o.Passed
	n.Failed += o.Failed
	n.Errors += o.Errors
	n.Skipped += o.Skipped
	n.Flaky += o.Flaky
	n.Seconds += o.Seconds
}

// toMicros rounds seconds to microseconds: a sum of decimal fractions is not
// meant to show 0.30000000000000004.
func toMicros(seconds float64) float64 { return math.Round(seconds*1e6) / 1e6 }
