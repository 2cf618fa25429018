package junit

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// maxSeconds is the longest accepted time: more means a wrong clock, and sums of times
// must stay finite.
const maxSeconds = 1e9

// parseSeconds reads a time attribute by the rules in the package documentation. An
// empty one is 0 and valid; ok is false if the text is not a time.
func parseSeconds(s string) (seconds float64, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, true
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return believable(f)
	}
	if f, err := strconv.ParseFloat(pointDecimal(s), 64); err == nil {
		return believable(f)
	}
	if d, err := time.ParseDuration(strings.ReplaceAll(s, " ", "")); err == nil {
		return believable(d.Seconds())
	}
	return clock(s)
}

func believable(f float64) (float64, bool) {
	if math.IsNaN(f) || f < 0 || f > maxSeconds {
		return 0, false
	}
	return f, true
}

// pointDecimal rewrites a number with thousands separators or a decimal comma
// so that it has neither. It returns "" where the separators make no sense.
func pointDecimal(s string) string {
	comma, point := strings.LastIndexByte(s, ','), strings.LastIndexByte(s, '.')
	switch {
	case comma >= 0 && point > comma:
		return ungroup(s[:point], ",", s[point:])
	case point >= 0 && comma > point:
		return ungroup(s[:comma], ".", "."+s[comma+1:])
	case comma < 0:
		return ""
	}
	if whole := ungroup(s, ",", ""); whole != "" {
		return whole
	}
	return strings.Replace(s, ",", ".", 1)
}

// ungroup removes thousands separators, or returns "" if the groups are not 1-3
// digits without a leading zero followed by threes.
func ungroup(whole, sep, fraction string) string {
	groups := strings.Split(whole, sep)
	for i, g := range groups {
		if i > 0 && len(g) != 3 || len(g) == 0 || len(g) > 3 {
			return ""
		}
	}
	if groups[0][0] == '0' {
		return ""
	}
	return strings.Join(groups, "") + fraction
}

// commas is what the times of a report say about its locale.
type commas struct{ asDecimal, asThousands bool }

// decimal reports whether a comma is a decimal one. Where nothing says so it separates
// thousands, as in Surefire's reports.
func (c commas) decimal() bool { return c.asDecimal && !c.asThousands }

// note takes note of a time, and reports whether it can be read in both ways: "1,234".
func (c *commas) note(s string) (inDoubt bool) {
	s = strings.TrimSpace(s)
	comma, point := strings.LastIndexByte(s, ','), strings.LastIndexByte(s, '.')
	switch {
	case comma < 0 && point >= 0, comma >= 0 && point > comma, strings.Count(s, ",") > 1:
		c.asThousands = true
	case comma < 0:
	case point >= 0 || ungroup(s, ",", "") == "":
		c.asDecimal = true
	default:
		return true
	}
	return false
}

// clock reads h:mm:ss and mm:ss.
func clock(s string) (float64, bool) {
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return 0, false
	}
	var total float64
	for _, p := range parts {
		f, err := strconv.ParseFloat(p, 64)
		if err != nil || f < 0 {
			return 0, false
		}
		total = total*60 + f
	}
	return believable(total)
}

var stampLayouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999",
	"2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02T15:04:05.999999999 MST",
	"2006-01-02 15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00",
	time.RFC1123,
	time.RFC1123Z,
}

// parseStamp reads a timestamp attribute, in UTC where it names no zone; the zero
// time where it is none.
func parseStamp(s string) time.Time {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range stampLayouts {
		if t, err := time.Parse(layout, s); err == nil && t.Year() > 0 && t.Year() < 10000 {
			return t.UTC()
		}
	}
	return time.Time{}
}
