// Program corpus says of each expression of public rule files what Prometheus' own parser and engine make of it: the answers that
// test/unit/promql/corpus.test.ts holds Astern's parser to. It shares no code and no idea of a tree with Astern.
//
//	go run . rules ORIGIN FILE...   one expression a line, each with what is expected of it
//	go run . queries ORIGIN < QUERIES  the same for a JSON array of queries
//	go run . check < QUERIES        reads a JSON array of queries, and prints the ones that Prometheus refuses
//	go run . parse < QUERIES        reads a JSON array of queries, and says of each whether Prometheus takes it
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"go.yaml.in/yaml/v2"
)

type group struct {
	Rules []struct {
		Expr string `yaml:"expr"`
	} `yaml:"rules"`
}

type document struct {
	Groups []group `yaml:"groups"`
	Spec   struct {
		Groups []group `yaml:"groups"`
	} `yaml:"spec"`
}

type half struct {
	Left      string  `json:"left"`
	Operator  string  `json:"operator"`
	Threshold float64 `json:"threshold"`
}

type expectation struct {
	Expr string `json:"expr"`
	From string `json:"from"`
	// Milliseconds; null where the text does not tell.
	Window *int64 `json:"window"`
	// One for each selector in the order of the text; null where no one name is given.
	Names []*string `json:"names"`
	// Whether nothing is answered while a comparison on top is false.
	Filters bool `json:"filters"`
	// Of a comparison on top with a number: the measured side, as written, and the number.
	Half *half `json:"half,omitempty"`
	// What the engine answers on an empty database: null for no series, else the first value as a text.
	Empty *string `json:"empty"`
}

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("say rules, check or parse"))
	}
	switch os.Args[1] {
	case "rules":
		rules(os.Args[2], os.Args[3:])
	case "queries":
		queries(os.Args[2])
	case "check", "parse":
		ask(os.Args[1] == "check")
	}
}

func rules(origin string, files []string) {
	seen := map[string]bool{}
	all := []expectation{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		fail(err)
		decoder := yaml.NewDecoder(strings.NewReader(string(text)))
		for {
			var doc document
			err := decoder.Decode(&doc)
			if err == io.EOF {
				break
			}
			if err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
				break
			}
			for _, g := range append(doc.Groups, doc.Spec.Groups...) {
				for _, r := range g.Rules {
					if r.Expr == "" || seen[r.Expr] {
						continue
					}
					seen[r.Expr] = true
					e, err := expect(r.Expr)
					if err != nil {
						fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
						continue
					}
					e.From = origin + "/" + filepath.Base(file)
					all = append(all, e)
				}
			}
		}
	}
	print(all)
}

func queries(origin string) {
	var texts []string
	fail(json.NewDecoder(os.Stdin).Decode(&texts))
	all := []expectation{}
	for _, text := range texts {
		if e, err := expect(text); err == nil && (e.Empty == nil || !strings.HasPrefix(*e.Empty, "error")) {
			e.From = origin
			all = append(all, e)
		}
	}
	print(all)
}

func expect(text string) (expectation, error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return expectation{}, err
	}
	e := expectation{Expr: text, Names: []*string{}}
	var longest time.Duration
	clear := true
	type selector struct {
		at   int
		name *string
	}
	found := []selector{}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.SubqueryExpr:
			clear = false
		case *parser.MatrixSelector:
			longest = max(longest, n.Range)
			if n.RangeExpr != nil {
				clear = false
			}
		case *parser.VectorSelector:
			var name *string
			for _, m := range n.LabelMatchers {
				if m.Name == labels.MetricName && m.Type == labels.MatchEqual {
					value := m.Value
					name = &value
				}
			}
			found = append(found, selector{int(n.PosRange.Start), name})
			if name == nil || strings.Contains(*name, ":") || *name == "ALERTS" || *name == "ALERTS_FOR_STATE" {
				clear = false
			}
			if n.OriginalOffset != 0 || n.Timestamp != nil || n.StartOrEnd != 0 {
				clear = false
			}
		}
		return nil
	})
	// The parameter of topk() stands before what it is applied to, and is visited after it.
	sort.SliceStable(found, func(a, b int) bool { return found[a].at < found[b].at })
	for _, one := range found {
		e.Names = append(e.Names, one.name)
	}
	if clear {
		ms := longest.Milliseconds()
		e.Window = &ms
	}
	e.Filters = filters(expr)
	e.Half = halfOf(text, expr)
	e.Empty = onNothing(text)
	return e, nil
}

func bare(expr parser.Expr) parser.Expr {
	for {
		switch e := expr.(type) {
		case *parser.ParenExpr:
			expr = e.Expr
		case *parser.StepInvariantExpr:
			expr = e.Expr
		default:
			return expr
		}
	}
}

func filters(expr parser.Expr) bool {
	b, ok := bare(expr).(*parser.BinaryExpr)
	switch {
	case !ok:
		return false
	case b.Op == parser.LAND:
		return filters(b.LHS) || filters(b.RHS)
	case b.Op == parser.LUNLESS:
		return filters(b.LHS)
	case b.Op == parser.LOR:
		return filters(b.LHS) && filters(b.RHS)
	}
	return b.Op.IsComparisonOperator() && !b.ReturnBool
}

func halfOf(text string, expr parser.Expr) *half {
	b, ok := bare(expr).(*parser.BinaryExpr)
	if !ok || !b.Op.IsComparisonOperator() || b.ReturnBool {
		return nil
	}
	left, right, op := b.LHS, b.RHS, b.Op.String()
	if left.Type() == parser.ValueTypeScalar {
		left, right = right, left
		op = map[string]string{">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}[op]
	}
	if right.Type() != parser.ValueTypeScalar || selects(right) || calls(right) {
		return nil
	}
	value := onNothing(right.String())
	if value == nil {
		return nil
	}
	var threshold float64
	if _, err := fmt.Sscan(*value, &threshold); err != nil || math.IsInf(threshold, 0) || math.IsNaN(threshold) {
		return nil
	}
	place := bare(left).PositionRange()
	return &half{Left: text[place.Start:place.End], Operator: op, Threshold: threshold}
}

func calls(expr parser.Expr) bool {
	found := false
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if _, ok := node.(*parser.Call); ok {
			found = true
		}
		return nil
	})
	return found
}

func selects(expr parser.Expr) bool {
	found := false
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if _, ok := node.(*parser.VectorSelector); ok {
			found = true
		}
		return nil
	})
	return found
}

var engine = promql.NewEngine(promql.EngineOpts{MaxSamples: 50_000_000, Timeout: 10 * time.Second, EnableAtModifier: true, EnableNegativeOffset: true, NoStepSubqueryIntervalFn: func(int64) int64 { return 60_000 }})

type nothing struct{}

func (nothing) Querier(int64, int64) (storage.Querier, error) { return storage.NoopQuerier(), nil }

func onNothing(query string) *string {
	q, err := engine.NewInstantQuery(context.Background(), nothing{}, promql.NewPrometheusQueryOpts(false, 0), query, time.Unix(1_800_000_000, 0))
	if err != nil {
		message := "error: " + err.Error()
		return &message
	}
	defer q.Close()
	result := q.Exec(context.Background())
	if result.Err != nil {
		message := "error: " + result.Err.Error()
		return &message
	}
	switch v := result.Value.(type) {
	case promql.Vector:
		if len(v) == 0 {
			return nil
		}
		value := fmt.Sprint(v[0].F)
		return &value
	case promql.Scalar:
		value := fmt.Sprint(v.V)
		return &value
	}
	return nil
}

func ask(onlyRefused bool) {
	var queries []string
	fail(json.NewDecoder(os.Stdin).Decode(&queries))
	type answer struct {
		Query   string `json:"query"`
		Refused string `json:"refused,omitempty"`
	}
	answers := []answer{}
	p := parser.NewParser(parser.Options{EnableExperimentalFunctions: true, EnableExtendedRangeSelectors: true, ExperimentalDurationExpr: true, EnableBinopFillModifiers: true})
	for _, query := range queries {
		a := answer{Query: query}
		if _, err := p.ParseExpr(query); err != nil {
			a.Refused = err.Error()
		}
		if !onlyRefused || a.Refused != "" {
			answers = append(answers, a)
		}
	}
	print(answers)
}

// print writes one object a line.
func print[T any](values []T) {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	for _, value := range values {
		fail(encoder.Encode(value))
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
