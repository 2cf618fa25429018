package org.apache.maven.model;

public class Extension {
    public native String getGroupId();

    public native String getArtifactId();
}
