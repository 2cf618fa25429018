package suite

import (
	"slices"
	"testing"

	"github.com/org/e2e-gate/internal/suite/recipe"
	"github.com/org/e2e-gate/internal/testkit/suitetest"
)

func TestDetectBuilds(t *testing.T) {
	const junit = "import org.junit.jupiter.api.Test;\n"
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"Maven without tests", map[string]string{"pom.xml": "", "src/test/java/ATest.java": "import org.junit.Assert;"}, nil},
		{"Maven with JUnit 4", map[string]string{"pom.xml": "", "src/test/java/ATest.java": "import org.junit.Test;"},
			[]string{"junit5-maven=junit5-maven;;;pom.xml src/test/java/ATest.java"}},
		{"Maven with TestNG", map[string]string{"pom.xml": "", "src/test/java/ATest.java": "import org.testng.annotations.Test;"},
			[]string{"junit5-maven=junit5-maven;;;pom.xml src/test/java/ATest.java"}},
		{"Maven of many modules", map[string]string{"pom.xml": "", "api/pom.xml": "", "api/src/test/java/ATest.java": junit, "api/src/test/java/BTest.java": junit},
			[]string{"junit5-maven=junit5-maven;;;api/src/test/java/ATest.java pom.xml"}},
		{"two builds", map[string]string{
			"a/pom.xml": "", "a/src/test/java/ATest.java": junit, "b/pom.xml": "", "c/build.gradle.kts": "", "c/src/test/kotlin/CTest.kt": junit,
		},
			[]string{"junit5-gradle=junit5-gradle;c;;c/build.gradle.kts c/src/test/kotlin/CTest.kt",
				"junit5-maven=junit5-maven;a;;a/pom.xml a/src/test/java/ATest.java"}},
		{"Gradle with a source set", map[string]string{
			"settings.gradle": "", "app/build.gradle": "", "app/src/e2eTest/java/ATest.java": junit, "app/src/test/java/UnitTest.java": junit,
		},
			[]string{"junit5-gradle=junit5-gradle;;e2eTest;app/src/e2eTest/java/ATest.java settings.gradle"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := found(suitetest.Files(t, tc.files)); !slices.Equal(got, tc.want) {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

// init says for each framework what it looks for.
func TestSigns(t *testing.T) {
	for name, f := range frameworks {
		if (f.Detect == nil) != (name == "command") || (f.Detect == nil) != (f.Signs == "") {
			t.Errorf("framework %s: detect and signs belong together, and all but command have them", name)
		}
	}
	if signs := Signs(); len(signs) != len(frameworks)-1+len(recipe.All) || !slices.IsSorted(signs) {
		t.Error(signs)
	}
}
