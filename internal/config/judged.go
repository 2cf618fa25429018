package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Difference between the config that judges a change and the change's own.
type Difference struct {
	// Path of the field or the named element: "policy", "stages.pr", "suites.api".
	Path string
	// Text says what differs, as a clause: "blocks is changed", "is gone".
	Text string
}

// String is path and text.
func (d Difference) String() string { return strings.TrimSpace(d.Path + " " + d.Text) }

// Judged is the config by which a change is judged: the fields that decide have the values of
// the base, all others those of the change. Every field says which it is by its tag judge:
//
//   - base: the value is the base's. A stage that only the change has is the change's, and blocks.
//   - watch: the value is the change's. The change may weaken its judge with it, so it is reported.
//   - head: the value is the change's, and cannot weaken anything.
//
// A field without the tag has that of what it is part of. The differences are in the order of
// the fields. Neither config is changed; both were read with the same variables.
func Judged(base, change *Config) (*Config, []Difference) {
	m := merging{}
	merged := *change
	m.fields(reflect.ValueOf(base).Elem(), reflect.ValueOf(change).Elem(), reflect.ValueOf(&merged).Elem())
	merged.Stages = m.stages(base.Stages, change.Stages)
	merged.Policy = base.Policy
	slices.SortStableFunc(m.found, func(a, b ordered) int { return a.at - b.at })
	var list []Difference
	for _, o := range m.found {
		list = append(list, o.Difference)
	}
	return &merged, list
}

type ordered struct {
	Difference
	at int
}

// merging collects differences.
type merging struct {
	found []ordered
	at    int
}

func (m *merging) add(path, format string, args ...any) {
	m.found = append(m.found, ordered{Difference{path, fmt.Sprintf(format, args...)}, m.at})
}

// fields merges the config field by field.
func (m *merging) fields(base, change, merged reflect.Value) {
	for i := range base.NumField() {
		f := base.Type().Field(i)
		name, judge := yamlName(f), f.Tag.Get("judge")
		if name == "" || name == "stages" {
			continue
		}
		m.at = i
		b, c, to := base.Field(i), change.Field(i), merged.Field(i)
		switch judge {
		case "base":
			to.Set(b)
			if !same(b, c) {
				m.add(name, "is changed")
			}
		case "watch":
			to.Set(m.watched(name, b, c))
		}
	}
}

// watched is the change's value with what the base decides within it.
func (m *merging) watched(path string, base, change reflect.Value) reflect.Value {
	switch {
	case change.Kind() == reflect.Slice && isNamed(change.Type().Elem()):
		return m.list(path, base, change)
	case change.Kind() == reflect.Struct:
		to := reflect.New(change.Type()).Elem()
		to.Set(change)
		m.parts(path, base, change, to)
		return to
	}
	if !same(base, change) {
		m.add(path, "is changed")
	}
	return change
}

// parts merges a struct within a watched field, and says once which of its fields differ.
func (m *merging) parts(path string, base, change, to reflect.Value) {
	var differ []string
	for i := range change.NumField() {
		f := change.Type().Field(i)
		name := yamlName(f)
		if name == "" {
			continue
		}
		b, c := base.Field(i), change.Field(i)
		if c.Kind() == reflect.Slice && isNamed(c.Type().Elem()) {
			to.Field(i).Set(m.list(path+"."+name, b, c))
			continue
		}
		if f.Tag.Get("judge") == "base" {
			to.Field(i).Set(b)
		}
		if !same(b, c) {
			differ = append(differ, name)
		}
	}
	if len(differ) > 0 {
		verb := "is"
		if len(differ) > 1 {
			verb = "are"
		}
		m.add(path, "%s %s changed", strings.Join(differ, ", "), verb)
	}
}

// list merges elements with names: what only the change has is new, what only the base has is
// gone and not put back.
func (m *merging) list(path string, base, change reflect.Value) reflect.Value {
	to := reflect.MakeSlice(change.Type(), change.Len(), change.Len())
	reflect.Copy(to, change)
	for i := range change.Len() {
		name := nameOf(change.Index(i))
		if at := indexOf(base, name); at >= 0 {
			m.parts(path+"."+name, base.Index(at), change.Index(i), to.Index(i))
		}
	}
	for i := range base.Len() {
		if name := nameOf(base.Index(i)); indexOf(change, name) < 0 {
			m.add(path+"."+name, "is gone")
		}
	}
	return to
}

// stages are those of the base in its order, then what only the change has, which blocks.
func (m *merging) stages(base, change []Stage) []Stage {
	m.at = 2 // behind version and extends, in front of everything that a stage uses
	list := slices.Clone(base)
	for _, s := range base {
		at := slices.IndexFunc(change, func(o Stage) bool { return o.Name == s.Name })
		if at < 0 {
			m.add("stages."+s.Name, "is gone")
			continue
		}
		to := s
		m.parts("stages."+s.Name, reflect.ValueOf(s), reflect.ValueOf(change[at]), reflect.ValueOf(&to).Elem())
	}
	for _, s := range change {
		if slices.ContainsFunc(base, func(o Stage) bool { return o.Name == s.Name }) {
			continue
		}
		if !s.Blocking() {
			m.add("stages."+s.Name, "is new and does not block; until it is merged it does")
			s.Blocks = nil
		}
		if len(s.Cells) > 0 || s.Rerun != (Rerun{}) {
			m.add("stages."+s.Name, "is new and has a policy or a rerun of its own; until it is merged it has those of all stages")
			s.Cells, s.Rerun = nil, Rerun{}
		}
		list = append(list, s)
	}
	return list
}

// yamlName is a field's name in the file; empty where it has none of its own there.
func yamlName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if name == "-" {
		return ""
	}
	return name
}

func isNamed(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	f, ok := t.FieldByName("Name")
	return ok && f.Type.Kind() == reflect.String
}

func nameOf(v reflect.Value) string { return v.FieldByName("Name").String() }

func indexOf(list reflect.Value, name string) int {
	for i := range list.Len() {
		if nameOf(list.Index(i)) == name {
			return i
		}
	}
	return -1
}

// same reports whether two values say the same; no list is an empty list.
func same(a, b reflect.Value) bool {
	if k := a.Kind(); (k == reflect.Slice || k == reflect.Map) && a.Len() == 0 && b.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}
