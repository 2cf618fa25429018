package org.junit.platform.launcher;

import java.util.Set;

public class TestPlan {
    public native boolean containsTests();

    public native Set<TestIdentifier> getDescendants(TestIdentifier parent);
}
