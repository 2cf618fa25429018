package strictyaml

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/org/e2e-gate/internal/diag"
)

type decoder struct {
	doc     *Document
	opts    Options
	targets map[*ast.AliasNode]ast.Node
	nodes   int
	depth   int
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func (d *decoder) fail(n ast.Node, text, hint string) {
	d.doc.diags.Add(d.doc.message(nodePos(n), text, hint))
}

// nodePos is the position for messages: for a block mapping, its first key.
func nodePos(n ast.Node) position {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return tokenPos(n.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return tokenPos(n.Key.GetToken())
	}
	return tokenPos(n.GetToken())
}

// value decodes a node into v and remembers where it stands.
func (d *decoder) value(n ast.Node, v reflect.Value, path string) {
	n, ok := d.unwrap(n)
	if !ok {
		return
	}
	if !d.doc.Has(path) {
		d.doc.positions[path] = nodePos(n)
	}
	if _, null := n.(*ast.NullNode); null {
		return
	}
	d.depth++
	defer func() { d.depth-- }()
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch {
	case v.Type() == durationType || v.CanAddr() && v.Addr().Type().Implements(textType):
		d.scalar(n, v, path)
	case v.Kind() == reflect.Struct:
		d.structure(n, v, path)
	case v.Kind() == reflect.Map:
		d.mapping(n, v, path)
	case v.Kind() == reflect.Slice:
		d.slice(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

// anchors resolves each alias: to the last anchor of its name before it, even in a part
// that is not decoded.
func anchors(body ast.Node) map[*ast.AliasNode]ast.Node {
	b := &binder{named: map[string]ast.Node{}, targets: map[*ast.AliasNode]ast.Node{}}
	ast.Walk(b, body)
	return b.targets
}

type binder struct {
	named   map[string]ast.Node
	targets map[*ast.AliasNode]ast.Node
}

// Visit implements [ast.Visitor].
func (b *binder) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case *ast.AnchorNode:
		b.named[n.Name.GetToken().Value] = n.Value
	case *ast.AliasNode:
		if target, ok := b.named[n.Value.GetToken().Value]; ok {
			b.targets[n] = target
		}
	}
	return b
}

// spend bounds the work; it returns false if there was too much.
func (d *decoder) spend(n ast.Node, nodes int) bool {
	if d.nodes > maxNodes {
		return false // and said
	}
	d.nodes += nodes
	if d.nodes > maxNodes || d.depth > maxDepth {
		d.nodes = maxNodes + 1
		d.fail(n, "the file expands to too much content", "are aliases nested in each other?")
		return false
	}
	return true
}

// unwrap resolves anchors, aliases and tags.
func (d *decoder) unwrap(n ast.Node) (ast.Node, bool) {
	for d.spend(n, 1) {
		switch t := n.(type) {
		case *ast.AnchorNode:
			n = t.Value
		case *ast.AliasNode:
			target, ok := d.targets[t]
			if !ok {
				d.fail(t, fmt.Sprintf("the alias *%s has no anchor before it", t.Value.GetToken().Value), "")
				return nil, false
			}
			n = target
		case *ast.TagNode:
			n = t.Value
		default:
			return plain(n), n != nil
		}
	}
	return nil, false
}

// plain repairs owner:team within a flow mapping, as in {tags: [owner:team]}, where the
// parser treats a colon as a separator although no space follows it.
func plain(n ast.Node) ast.Node {
	m, ok := n.(*ast.MappingNode)
	if !ok || len(m.Values) != 1 || m.Start == nil || m.Start.Value != ":" {
		return n
	}
	key, value := m.Values[0].Key.GetToken(), m.Values[0].Value.GetToken()
	if _, scalar := m.Values[0].Value.(ast.ScalarNode); !scalar || key.Type != token.StringType {
		return n
	}
	colon := m.Start.Position
	if colon.Line != value.Position.Line || colon.Column != key.Position.Column+utf8.RuneCountInString(key.Value) || value.Position.Column != colon.Column+1 {
		return n
	}
	text := key.Value + ":" + value.Value
	return ast.String(token.New(text, text, key.Position))
}

// pair is a key with its value.
type pair struct {
	*ast.MappingValueNode
	key string
}

// entries returns the pairs of a mapping in file order, with merged ones (<<) after
// its own. Of equal keys the first counts.
func (d *decoder) entries(n ast.Node) ([]pair, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return d.merged(n.Values), true
	case *ast.MappingValueNode:
		return d.merged([]*ast.MappingValueNode{n}), true
	}
	return nil, false
}

func (d *decoder) merged(values []*ast.MappingValueNode) []pair {
	var own, merged []pair
	lines := map[string]int{}
	for _, v := range values {
		if v.Key.IsMergeKey() {
			merged = append(merged, d.merge(v.Value)...)
			continue
		}
		key, ok := d.key(v)
		if !ok {
			continue
		}
		if line, twice := lines[key]; twice {
			d.fail(v.Key, fmt.Sprintf("duplicate key %q", key), fmt.Sprintf("it is already in line %d; keep one of them", line))
			continue
		}
		lines[key] = tokenPos(v.Key.GetToken()).line
		own = append(own, pair{v, key})
	}
	return append(own, merged...)
}

// merge returns the pairs that << brings in: those of a mapping, or of a list of
// them.
func (d *decoder) merge(n ast.Node) []pair {
	d.depth++
	defer func() { d.depth-- }()
	target, ok := d.unwrap(n)
	if !ok {
		return nil
	}
	if list, isList := target.(*ast.SequenceNode); isList {
		var all []pair
		for _, item := range list.Values {
			all = append(all, d.merge(item)...)
		}
		return all
	}
	more, isMap := d.entries(target)
	if !isMap {
		d.fail(n, "<< takes keys and values, or a list of them", "")
	}
	if !d.spend(n, len(more)) {
		return nil
	}
	return more
}

// key returns the text of a key.
func (d *decoder) key(v *ast.MappingValueNode) (string, bool) {
	n := ast.Node(v.Key)
	if explicit, ok := n.(*ast.MappingKeyNode); ok {
		n = explicit.Value
	}
	n, ok := d.unwrap(n)
	if !ok {
		return "", false
	}
	if _, null := n.(*ast.NullNode); null {
		return n.GetToken().Value, true
	}
	text, ok := scalarText(n)
	if !ok {
		d.fail(v.Key, fmt.Sprintf("expected a text as key, found %s", describe(n)), "")
	}
	return text, ok
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (d *decoder) structure(n ast.Node, v reflect.Value, path string) {
	pairs, ok := d.entries(n)
	if !ok {
		d.fail(n, fmt.Sprintf("expected keys and values here, found %s", describe(n)), "keys are: "+strings.Join(Keys(v.Type()), ", "))
		return
	}
	seen := map[string]bool{}
	for _, p := range pairs {
		key := p.key
		field, ok := fieldByKey(v, key)
		if !ok {
			d.fail(p.Key, unknownKey(key, path), diag.Expected(key, Keys(v.Type())))
			continue
		}
		if seen[key] {
			continue // merged in with <<, and overridden by an own key
		}
		seen[key] = true
		d.doc.positions[join(path, key)] = d.valuePos(p)
		d.value(p.Value, field, join(path, key))
	}
}

// valuePos points at a scalar itself, and at the key of anything larger.
func (d *decoder) valuePos(p pair) position {
	if _, scalar := p.Value.(ast.ScalarNode); scalar {
		if _, null := p.Value.(*ast.NullNode); !null {
			return nodePos(p.Value)
		}
	}
	return tokenPos(p.Key.GetToken())
}

func unknownKey(key, path string) string {
	if path == "" {
		return fmt.Sprintf("unknown key %q", key)
	}
	return fmt.Sprintf("unknown key %q in %s", key, path)
}

func fieldByKey(v reflect.Value, key string) (reflect.Value, bool) {
	for _, f := range reflect.VisibleFields(v.Type()) {
		if name := fieldName(f); name != "" && name == key {
			return v.FieldByIndex(f.Index), true
		}
	}
	return reflect.Value{}, false
}

func (d *decoder) mapping(n ast.Node, v reflect.Value, path string) {
	pairs, ok := d.entries(n)
	if !ok {
		d.fail(n, fmt.Sprintf("expected keys and values here, found %s", describe(n)), "")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, p := range pairs {
		key := reflect.ValueOf(p.key).Convert(v.Type().Key())
		if v.MapIndex(key).IsValid() {
			continue
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		d.doc.positions[join(path, p.key)] = d.valuePos(p)
		d.value(p.Value, elem, join(path, p.key))
		v.SetMapIndex(key, elem)
	}
}

func (d *decoder) slice(n ast.Node, v reflect.Value, path string) {
	elem := v.Type().Elem()
	if keyField, ok := KeyField(elem); ok {
		d.ordered(n, v, path, keyField)
		return
	}
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		if _, isMap := d.entries(n); isMap || elem.Kind() == reflect.Struct {
			d.fail(n, fmt.Sprintf("expected a list here, found %s", describe(n)), "start each entry with a dash")
			return
		}
		d.element(n, v, path)
		return
	}
	for i, item := range seq.Values {
		d.element(item, v, fmt.Sprintf("%s[%d]", path, i))
	}
}

func (d *decoder) element(n ast.Node, v reflect.Value, path string) {
	if _, null := n.(*ast.NullNode); null {
		d.fail(n, "this entry of the list is empty", "remove it, or write \"\" for an empty text")
	}
	item := reflect.New(v.Type().Elem()).Elem()
	d.value(n, item, path)
	v.Set(reflect.Append(v, item))
}

func (d *decoder) ordered(n ast.Node, v reflect.Value, path string, keyField int) {
	pairs, ok := d.entries(n)
	if !ok {
		d.fail(n, fmt.Sprintf("expected names with settings here, found %s", describe(n)), "")
		return
	}
	for _, p := range pairs {
		item := reflect.New(v.Type().Elem()).Elem()
		item.Field(keyField).SetString(p.key)
		d.doc.positions[join(path, p.key)] = tokenPos(p.Key.GetToken())
		d.value(p.Value, item, join(path, p.key))
		v.Set(reflect.Append(v, item))
	}
}
