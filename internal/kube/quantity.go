package kube

import (
	"encoding/json"
	"errors"
	"math/big"
	"strconv"
	"strings"
)

// Quantity is an amount as the API writes it: 500m, 2, 1.5Gi, 3e6. In JSON it is a
// string, or a number.
type Quantity string

// UnmarshalJSON reads a string or a number.
func (q *Quantity) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		var number json.Number
		if json.Unmarshal(data, &number) != nil {
			return errors.New("a quantity is neither text nor a number")
		}
		text = number.String()
	}
	*q = Quantity(text)
	return nil
}

// suffixes are the API's; powers of two and of ten.
var suffixes = map[string]*big.Rat{
	"": power(10, 0), "n": power(10, -9), "u": power(10, -6), "m": power(10, -3),
	"k": power(10, 3), "M": power(10, 6), "G": power(10, 9), "T": power(10, 12), "P": power(10, 15), "E": power(10, 18),
	"Ki": power(2, 10), "Mi": power(2, 20), "Gi": power(2, 30), "Ti": power(2, 40), "Pi": power(2, 50), "Ei": power(2, 60),
}

func power(base, exponent int64) *big.Rat {
	if exponent < 0 {
		return new(big.Rat).Inv(power(base, -exponent))
	}
	return new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(base), big.NewInt(exponent), nil))
}

// Value is the exact amount in units (cores, bytes, objects). ok is false for what is
// not a quantity of the API.
func (q Quantity) Value() (value *big.Rat, ok bool) {
	text := string(q)
	end := strings.LastIndexAny(text, "0123456789.") + 1
	number, suffix := text[:end], text[end:]
	factor := suffixes[suffix]
	if mantissa, exponent, found := strings.Cut(strings.ToLower(number), "e"); found && suffix == "" {
		n, err := strconv.Atoi(exponent)
		if err != nil || n < -18 || n > 18 {
			return nil, false
		}
		number, factor = mantissa, power(10, int64(n))
	}
	if factor == nil || len(number) > 64 || strings.Trim(strings.TrimLeft(number, "+-"), "0123456789.") != "" {
		return nil, false
	}
	value, ok = new(big.Rat).SetString(number)
	if !ok {
		return nil, false
	}
	return value.Mul(value, factor), true
}
