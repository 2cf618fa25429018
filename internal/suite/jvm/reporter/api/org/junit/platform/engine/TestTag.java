package org.junit.platform.engine;

public final class TestTag {
    public native String getName();
}
